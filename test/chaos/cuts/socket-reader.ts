/** Follows by WebSocket: one job on a socket for many, one socket for one job, or all jobs narrowed down to it. */
import assert from 'node:assert/strict'
import { type RawData, WebSocket } from 'ws'
import type { EventObject } from '../../../plugins/jobs/event-object.ts'
import { CutSocket, type Manner } from './cut-socket.ts'
import { type GapObject, Pieced } from './pieced.ts'
import type { Reader } from './reader.ts'

/** What foreman says on the socket. */
type Frame =
  | { op: 'event'; sub: string; id?: string; event: EventObject }
  | ({ op: 'gap'; sub: string } & GapObject)
  | { op: 'end'; sub: string }
  | { op: 'ack' | 'bye' | 'pong' }
  | { op: 'error'; problem: unknown }

const normal = 1000

/** `job`: subscribes to it; `all`: subscribes to `*`; `bound`: the address names it. */
export class SocketReader implements Reader {
  readonly pieced: Pieced
  isOver = false
  readonly #base: URL
  readonly #jobId: string
  readonly #of: 'job' | 'all' | 'bound'
  #lastId: string | undefined

  constructor(base: string, jobId: string, of: 'job' | 'all' | 'bound', pieced = new Pieced()) {
    this.pieced = pieced
    this.#base = new URL(base)
    this.#jobId = jobId
    this.#of = of
  }

  visit(manner?: Manner): Promise<number> {
    const socket = new CutSocket(this.#base, manner)
    // `ws` wants a net.Socket and takes what behaves as one.
    const createConnection = () => socket as never
    const client = new WebSocket(this.#address(), ['foreman.v1'], { createConnection })
    return new Promise((resolve, reject) => {
      client.on('error', () => {})
      client.on('unexpected-response', (_, answer) => reject(new Error(`answered ${answer.statusCode}`)))
      client.on('open', () => this.#subscribe(client))
      client.on('message', data => {
        try {
          this.#take(data, client)
        } catch (err) {
          reject(err)
          client.terminate()
        }
      })
      client.on('close', () => resolve(socket.bytes))
    })
  }

  #address(): URL {
    const query = this.#of === 'bound' ? `?job_id=${this.#jobId}&after=${this.pieced.lastSeq}` : ''
    return new URL(`/ws${query}`, this.#base)
  }

  #subscribe(client: WebSocket): void {
    const { lastSeq } = this.pieced
    const wish = {
      job: { job_id: this.#jobId, after: lastSeq },
      all: {
        job_id: '*',
        job_ids: [this.#jobId],
        ...(this.#lastId !== undefined && { after: this.#lastId })
      },
      bound: undefined
    }[this.#of]
    if (wish !== undefined) client.send(JSON.stringify({ op: 'subscribe', ref: 'it', ...wish }))
  }

  #take(data: RawData, client: WebSocket): void {
    const frame = JSON.parse(String(data)) as Frame
    if (frame.op === 'error') assert.fail(JSON.stringify(frame.problem))
    if (frame.op === 'gap') this.pieced.gap(frame)
    if (frame.op === 'event') {
      this.pieced.take(frame.event)
      this.#lastId = frame.id ?? this.#lastId
    }
    const isLast = this.#of === 'all' ? this.pieced.hasEnded : frame.op === 'end'
    if (!isLast) return
    this.isOver = true
    if (this.#of !== 'bound') client.close(normal)
  }
}

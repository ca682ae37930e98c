/** Follows by SSE: the stream of one job, that of all jobs narrowed down to one, or the answer to one that is handed in. */
import { type IncomingMessage, request } from 'node:http'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { CutSocket, type Manner } from './cut-socket.ts'
import { Pieced } from './pieced.ts'
import type { Reader } from './reader.ts'

const streamType = 'text/event-stream; charset=utf-8'

/** A job that is handed in by the request, and again by each further one: the key makes that one job. */
export interface Posted {
  readonly idempotencyKey: string
  readonly body: string
}

/** Asks for one address, again and again. */
export class SseReader implements Reader {
  readonly pieced: Pieced
  isOver = false
  readonly #url: URL
  /** The stream of all jobs has no end of its own. */
  readonly #isOfAll: boolean
  readonly #posted: Posted | undefined
  #lastId: string | undefined

  constructor(url: string, { pieced = new Pieced(), posted }: { pieced?: Pieced; posted?: Posted } = {}) {
    this.pieced = pieced
    this.#url = new URL(url)
    this.#isOfAll = this.#url.pathname === '/events'
    this.#posted = posted
  }

  visit(manner?: Manner): Promise<number> {
    const socket = new CutSocket(this.#url, manner)
    const posted = this.#posted
    const headers = {
      accept: 'text/event-stream',
      ...(this.#lastId !== undefined && { 'last-event-id': this.#lastId }),
      ...(posted && { 'content-type': 'application/json', 'idempotency-key': posted.idempotencyKey })
    }
    const method = posted === undefined ? 'GET' : 'POST'
    return new Promise((resolve, reject) => {
      const asked = request(this.#url, { method, headers, createConnection: () => socket })
      asked.on('response', answer => {
        const failed = (err: unknown) => {
          reject(err)
          socket.destroy()
        }
        this.#read(answer, socket, failed)
      })
      asked.on('error', () => {})
      asked.on('close', () => resolve(socket.bytes))
      asked.end(posted?.body)
    })
  }

  // Taken as it comes: who iterates over it loses what lies between him and the cut.
  #read(answer: IncomingMessage, socket: CutSocket, failed: (err: unknown) => void): void {
    const { statusCode, headers } = answer
    if (statusCode === 204) this.isOver = true
    else if (statusCode !== 200 || headers['content-type'] !== streamType)
      failed(new Error(`answered ${statusCode} in ${headers['content-type']}`))
    const parser = createParser({ onEvent: message => this.#take(message) })
    answer.on('error', () => {})
    answer.setEncoding('utf8').on('data', text => {
      try {
        parser.feed(text)
      } catch (err) {
        failed(err)
      }
      if (this.isOver && this.#isOfAll) socket.destroy()
    })
  }

  #take({ id, event = '', data }: EventSourceMessage): void {
    const told = JSON.parse(data)
    if (event === 'stream.gap') this.pieced.gap(told)
    else if (event.startsWith('job.')) {
      this.pieced.take(told)
      this.#lastId = id ?? this.#lastId
    }
    if (this.#isOfAll) this.isOver = this.pieced.hasEnded
    else if (event === 'stream.end') this.isOver = told.reason === 'terminal'
  }
}

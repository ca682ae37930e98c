/** All connections of the plugin: how they begin, and how all of them end when foreman stops. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { answerHead, Connection, type Rules, type Subject } from './connection.ts'

/** Time that clients have at a stop to take the last words. */
const goodbyeMs = 1000

type Engine = Pick<FastifyInstance, 'streamSlots' | 'telemetry' | 'access'>

/** Keeps them. */
export class Streams {
  readonly #app: Engine
  readonly #rules: Rules
  readonly #open = new Set<Connection>()
  #isClosing = false
  #sent = 0

  constructor(app: Engine, rules: Rules) {
    this.#app = app
    this.#rules = rules
  }

  /** Counts the answer to a request as a stream, until it is over. @throws {TooManyStreamsError} */
  reserve({ caller, method }: FastifyRequest, { raw }: FastifyReply): void {
    if (method === 'HEAD' || raw.destroyed) return
    raw.once('close', this.#app.streamSlots.take(caller, 'sse'))
  }

  /**
   * Answers with a stream, for which there is room.
   * @param resumes whether its client was here before
   */
  open({ method }: FastifyRequest, reply: FastifyReply, subject: Subject, resumes: boolean): FastifyReply {
    // Its client may have left while its job was taken in: then nothing tells of its end any more.
    if (reply.raw.destroyed) return reply.hijack()
    if (method === 'HEAD') return answerHead(reply)
    const { telemetry, access } = this.#app
    const connection = new Connection(reply, subject, this.#rules, { telemetry, sent: () => this.#count() })
    this.#open.add(connection)
    reply.raw.once('close', () => this.#open.delete(connection))
    access.farewells.add(reply.raw, () => connection.end('token_revoked'))
    if (this.#isClosing) connection.end('shutdown')
    else connection.start()
    if (resumes) telemetry.emit('streamResumed', 'sse', connection.hasGap ? 'gap' : 'replayed')
    return reply
  }

  /** Takes leave of everybody, and waits until they have gone. */
  async close(): Promise<void> {
    this.#isClosing = true
    const all = [...this.#open]
    for (const connection of all) connection.end('shutdown')
    const late = setTimeout(() => all.forEach(connection => void connection.cut()), goodbyeMs)
    await Promise.all(all.map(connection => connection.closed()))
    clearTimeout(late)
  }

  /** Many at a time: telling of each would cost more than sending it. */
  #count(): void {
    if (this.#sent === 0) setImmediate(() => this.#tell())
    this.#sent += 1
  }

  #tell(): void {
    this.#app.telemetry.emit('streamEvents', 'sse', this.#sent)
    this.#sent = 0
  }
}

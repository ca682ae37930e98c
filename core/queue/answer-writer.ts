/**
 * Writes the answer of a run into the job's log while it comes. Tokens are gathered: a commit comes once in a while, or
 * when enough has come, and shares the turn of the event loop with all that was read in it.
 */
import type { FastifyBaseLogger } from 'fastify'
import {
  type AnswerPart,
  type AnswerTaker,
  type Channel,
  type KeptHead,
  PendingOutput
} from '../jobs/output.ts'

/** Longest wait of a text for its event, in ms. */
const gatherMs = 50
/** Length of text from which on nothing is waited for, in UTF-16 units. */
const enoughText = 1024
/** The same for bytes that are kept. */
const enoughBytes = 16 * 1024
const againMs = 1000

/** Gathers, and gives what has gathered. */
export class AnswerWriter implements AnswerTaker {
  readonly #write: () => void
  readonly #log: FastifyBaseLogger
  readonly #output = new PendingOutput()
  #head: KeptHead | undefined
  #chunks: Buffer[] = []
  #waitingBytes = 0
  #writtenBytes = 0
  #keeps = false
  #isComplete = false
  /** The last try failed; the timer brings the next. */
  #isRefused = false
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined

  /** `write` takes {@link pending} into the store and calls {@link written}; what it throws is logged, and it is called again. */
  constructor(write: () => void, log: FastifyBaseLogger) {
    this.#write = write
    this.#log = log
  }

  /** What has come and is not written; undefined where nothing has. */
  get pending(): AnswerPart | undefined {
    const { pieces } = this.#output
    const isLast = this.#keeps && this.#isComplete
    const keepsMore = this.#waitingBytes > 0 || isLast
    if (pieces.length === 0 && this.#head === undefined && !keepsMore) return undefined
    return {
      pieces,
      ...(this.#head && { head: this.#head }),
      ...(keepsMore && {
        kept: { start: this.#writtenBytes, bytes: Buffer.concat(this.#chunks), ...(isLast && { isLast }) }
      })
    }
  }

  /** All that was pending is in the store. */
  written(): void {
    this.#output.clear()
    this.#head = undefined
    this.#chunks = []
    this.#writtenBytes += this.#waitingBytes
    this.#waitingBytes = 0
    this.#isComplete = false
    this.#isRefused = false
    this.stop()
  }

  text(channel: Channel, text: string, item = 0): void {
    this.#output.add(channel, text, item)
    this.#gather(this.#output.length >= enoughText)
  }

  head(head: KeptHead): void {
    this.#head = head
    this.#keeps = true
    this.#gather(true)
  }

  bytes(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#waitingBytes += chunk.length
    this.#gather(this.#waitingBytes >= enoughBytes)
  }

  /** The target has ended the answer in order; it is written with what ends the run. */
  complete(): void {
    this.#isComplete = true
  }

  /** Nothing is written by itself any more. */
  stop(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#soon)
    this.#timer = undefined
    this.#soon = undefined
  }

  #gather(isEnough: boolean): void {
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs)
    if (isEnough && !this.#isRefused) this.#soon ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.stop()
    try {
      this.#write()
    } catch (err) {
      this.#log.error({ err }, 'a part of an answer cannot be stored; trying again')
      this.#isRefused = true
      this.#timer = setTimeout(() => this.#flush(), againMs)
    }
  }
}

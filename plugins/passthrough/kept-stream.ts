/**
 * Sends a kept answer to one reader, from an offset on: what is there, then what comes, until the answer ends as it ended for
 * the first caller. Bytes are read as the connection takes them, so a slow reader costs one buffer.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Job } from '../../core/jobs/job.ts'
import type { KeptAnswer } from '../../core/jobs/kept-answers.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import type { Reader } from './kept-streams.ts'

/** Bytes that may wait for a slow reader. */
const highWaterBytes = 1024 * 1024

/** Where the answer is, and who hears of its reader. */
export interface KeptSource extends Pick<FastifyInstance, 'jobs' | 'telemetry'> {
  readonly log: FastifyBaseLogger
  /** Longest time in which a reader may take nothing, in ms. */
  readonly stallMs: number
}

/** How an answer stands. */
export interface Standing {
  /** Undefined before its head has come. */
  readonly answer: KeptAnswer | undefined
  readonly sizeBytes: number
  /** Whether nothing more comes. */
  readonly isOver: boolean
}

/** Looks it up. A job that was removed meanwhile has nothing left. */
export function standingOf({ jobs }: Pick<KeptSource, 'jobs'>, { id, seq }: Job): Standing {
  const job = jobs.get(id)
  if (job === undefined) return { answer: undefined, sizeBytes: 0, isOver: true }
  const isOver = hasEnded(job.state)
  return { answer: jobs.keptAnswers.head(seq), sizeBytes: jobs.keptAnswers.size(seq), isOver }
}

/** One reader, from the head of its response on. */
export class KeptStream implements Reader {
  readonly #source: KeptSource
  readonly #job: Job
  readonly #raw: ServerResponse
  #at: number
  #isHeld = false
  #isOver = false

  /** @param offset bytes of the answer that the reader has */
  constructor(source: KeptSource, job: Job, offset: number, raw: ServerResponse) {
    this.#source = source
    this.#job = job
    this.#at = offset
    this.#raw = raw
    raw.on('drain', () => this.#resume())
    raw.on('timeout', () => {
      source.telemetry.emit('streamSlow', 'ndjson', 'closed')
      raw.destroy()
    })
  }

  look(): void {
    if (this.#isHeld || this.#isOver || this.#raw.destroyed) return
    try {
      this.#send(standingOf(this.#source, this.#job))
    } catch (err) {
      this.#source.log.error({ err, jobId: this.#job.id }, 'a kept answer cannot be read')
      this.#raw.destroy()
    }
  }

  close(): void {
    this.look()
    if (!this.#isOver) this.#raw.destroy()
  }

  #send({ answer, isOver }: Standing): void {
    const { jobs, telemetry } = this.#source
    let pieces = 0
    while (this.#raw.writableLength < highWaterBytes) {
      const bytes = answer && jobs.keptAnswers.read(this.#job.seq, this.#at)
      if (bytes === undefined) {
        if (isOver) this.#end(answer?.complete === true)
        break
      }
      this.#at += bytes.length
      pieces += 1
      this.#raw.write(bytes)
    }
    if (pieces > 0) telemetry.emit('streamEvents', 'ndjson', pieces)
    if (this.#raw.writableLength >= highWaterBytes) this.#hold()
  }

  #hold(): void {
    if (!this.#isOver) this.#source.telemetry.emit('streamSlow', 'ndjson', 'pull')
    this.#isHeld = true
    this.#timeOut()
  }

  #resume(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#raw.socket?.setTimeout(0)
    this.look()
  }

  // A cut answer is cut behind its last byte: only what was written before counts.
  #end(isComplete: boolean): void {
    this.#isOver = true
    this.#timeOut()
    if (isComplete) this.#raw.end()
    else this.#raw.socket?.destroySoon()
  }

  // Node takes what the kernel took for a sign of life.
  #timeOut(): void {
    this.#raw.socket?.setTimeout(this.#source.stallMs)
  }
}

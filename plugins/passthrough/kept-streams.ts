/**
 * Who reads answers that are kept, and which calls will have one. Readers look for themselves in the store; here they are
 * told when looking is worth it.
 */
import type { FastifyInstance } from 'fastify'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'

/** One who reads an answer, or waits for its beginning. */
export interface Reader {
  /** There may be more of the answer, or the job has ended. Does not throw. */
  look(): void
  /** foreman stops: what does not end now is cut. */
  close(): void
}

/** All of them, by their jobs. */
export class KeptStreams {
  readonly #keeping = new Set<string>()
  readonly #readers = new Map<string, Set<Reader>>()
  readonly #news = new Set<string>()
  #telling: NodeJS.Immediate | undefined

  constructor({ jobEvents }: Pick<FastifyInstance, 'jobEvents'>) {
    jobEvents.on('kept', ({ id }) => this.#tellSoon(id))
    jobEvents.on('event', (_event, { id, state }) => {
      if (!hasEnded(state)) return
      this.#keeping.delete(id)
      this.#tellSoon(id)
    })
  }

  /** Connections that read or wait. */
  get size(): number {
    return [...this.#readers.values()].reduce((sum, readers) => sum + readers.size, 0)
  }

  /** The answer to the call of this job will be kept, from its head on. */
  keep({ id }: Job): void {
    this.#keeping.add(id)
  }

  /** Whether it will be, or is being kept. False once the job has ended: then the store tells. */
  isKeeping({ id }: Job): boolean {
    return this.#keeping.has(id)
  }

  /** From now on the reader is told of the job. @returns what ends that */
  join({ id }: Job, reader: Reader): () => void {
    const readers = this.#readers.get(id) ?? new Set()
    this.#readers.set(id, readers.add(reader))
    return () => {
      readers.delete(reader)
      if (readers.size === 0 && this.#readers.get(id) === readers) this.#readers.delete(id)
    }
  }

  /** Jobs have ended by now, or never will: whoever still reads is cut. */
  close(): void {
    clearImmediate(this.#telling)
    for (const readers of [...this.#readers.values()]) for (const reader of [...readers]) reader.close()
  }

  // Not at once: the one who wrote is running a job. What was written several times in one turn is looked at once.
  #tellSoon(id: string): void {
    if (!this.#readers.has(id)) return
    this.#news.add(id)
    this.#telling ??= setImmediate(() => this.#tell())
  }

  #tell(): void {
    this.#telling = undefined
    const readers = [...this.#news].flatMap(id => [...(this.#readers.get(id) ?? [])])
    this.#news.clear()
    for (const reader of readers) reader.look()
  }
}

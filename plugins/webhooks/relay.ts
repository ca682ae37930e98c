/**
 * Makes messages of the log of events.
 *
 * The log is the outbox: an event is written in the transaction of the change that it tells of, and has its place among
 * all. Here it is read from the place on up to which messages were made, which is kept with them in one transaction. So
 * nothing is lost or made twice, whenever the process dies, and no job waits for any of it: the log is read when the loop
 * of events comes round to it. Nothing is kept in memory but the place.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { FastifyBaseLogger } from 'fastify'
import { EventLog } from '../../core/jobs/event-log.ts'
import { isStateEvent, type JobBus, type JobEvent, type StateEvent } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { JobStore } from '../../core/jobs/store.ts'
import type { Messages } from './messages.ts'
import type { Outbox } from './outbox.ts'
import type { Recipients } from './recipients.ts'

/** What it works with. */
export interface RelayParts {
  readonly db: Database
  readonly bus: JobBus
  readonly jobs: JobStore
  readonly recipients: Recipients
  readonly messages: Messages
  readonly outbox: Outbox
  readonly log: FastifyBaseLogger
  /** Deliveries were made, and so many became needless. */
  readonly onMade: (superseded: number) => void
}

/** Events that are read in one go: some milliseconds of work, in which nothing else is done. */
const pageSize = 50
/** After a disk that takes nothing. */
const againMs = 1000
/** Events that nobody wants move the place in memory alone; it is written after so many, so that a start reads few. */
const unwrittenEvents = 10_000

/** Reads the log of one database. */
export class Relay {
  readonly #parts: RelayParts
  readonly #events: EventLog
  readonly #setPlace: Statement
  readonly #write: (page: readonly JobEvent[]) => number
  readonly #hear = (event: StateEvent, job: Job) => this.#heard(event, job)
  #place: number
  #unwritten = 0
  #planned: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined

  constructor(parts: RelayParts) {
    const { db } = parts
    this.#parts = parts
    this.#events = new EventLog(db)
    this.#place = db.prepare('SELECT n FROM webhook_place').pluck().get() as number
    this.#setPlace = db.prepare('UPDATE webhook_place SET n = ?')
    this.#write = db.transaction((page: readonly JobEvent[]) => this.#writePage(page))
  }

  /** Begins with what the last run left. */
  start(): void {
    this.#parts.bus.on('event', this.#hear)
    this.#plan()
  }

  /** Reads no more: what is left is read at the next start. */
  stop(): void {
    this.#parts.bus.off('event', this.#hear)
    if (this.#unwritten > 0) this.#trying(() => this.#setPlace.run(this.#place))
    clearImmediate(this.#planned)
    clearTimeout(this.#retry)
  }

  #heard({ n }: StateEvent, job: Job): void {
    if (this.#planned !== undefined || this.#retry !== undefined) return
    if (this.#parts.recipients.areThereFor(job)) this.#plan()
    else this.#pass(n)
  }

  /** Nothing before it is unread, and nobody wants it. */
  #pass(n: number): void {
    this.#place = n
    this.#unwritten += 1
    if (this.#unwritten < unwrittenEvents) return
    this.#unwritten = 0
    this.#trying(() => this.#setPlace.run(n))
  }

  #plan(): void {
    this.#planned = setImmediate(() => {
      this.#planned = undefined
      if (this.#readPage()) this.#plan()
    })
  }

  /** @returns whether there may be more */
  #readPage(): boolean {
    return this.#trying(() => {
      const page = this.#events.ofAll(this.#place, pageSize, false)
      const last = page.at(-1)
      if (last === undefined) return false
      const superseded = this.#write(page)
      this.#place = last.n
      this.#unwritten = 0
      this.#parts.onMade(superseded)
      return page.length === pageSize
    })
  }

  #writePage(page: readonly JobEvent[]): number {
    const { jobs, recipients, messages, outbox } = this.#parts
    const now = Date.now()
    let superseded = 0
    for (const event of page) {
      if (!isStateEvent(event)) continue
      const job = jobs.get(event.jobId)
      if (job === undefined) continue
      const wanting = recipients.ofJob(event, job)
      if (wanting.length > 0) superseded += outbox.add(messages.ofJob(event, job), wanting, now).superseded
    }
    this.#setPlace.run(page.at(-1)!.n)
    return superseded
  }

  /** What cannot be written now is read again in a moment. */
  #trying<T>(work: () => T): T | false {
    try {
      return work()
    } catch (err) {
      this.#parts.log.error(
        { err },
        'webhooks could not be made of events: they are in the log, and tried again'
      )
      this.#retry = setTimeout(() => {
        this.#retry = undefined
        this.#plan()
      }, againMs)
      this.#retry.unref()
      return false
    }
  }
}

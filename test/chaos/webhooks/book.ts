/** What came to the receivers, held against what was promised to them. */
import assert from 'node:assert/strict'
import { type Received, receive } from '../../receiver-farm/message.ts'
import type { ReceiverFarm } from '../../receiver-farm/start.ts'
import { reading } from '../../strength/support/invariants.ts'
import { ends, type Order, pathOf } from './orders.ts'
import { standingEvents, standingPath } from './standing.ts'

/** So long an event that failed may hold up the next one of its job; then that may overtake it. */
const orderWaitMs = 60_000

/** A stored change of state. */
interface StoredEvent {
  readonly id: string
  /** Its number within its job. */
  readonly seq: number
  readonly type: string
  /** Ms since 1970. */
  readonly createdAt: number
}

/** A job that has ended, and of which nothing is on its way. */
export interface EndedJob {
  readonly id: string
  readonly state: string
  readonly order: Order
}

/** Who was promised events of a job, and which. */
interface Listener {
  /** What its calls are filed under. */
  readonly file: string
  readonly types: readonly string[] | 'all'
}

/** How often each thing was met. */
export interface BookFigures {
  readonly messages: number
  readonly calls: number
  /** Calls with a message that had come before and been taken then: foreman died before it knew. */
  readonly repeated: number
  /** Calls that the receiver failed. */
  readonly failed: number
  /** Messages that were given up because their job had ended. */
  readonly superseded: number
}

/** What messages are signed with. */
export interface BookSecrets {
  /** The owner's, with which jobs without one of theirs are signed. */
  readonly own: string
  /** That of the standing endpoint. */
  readonly standing: string
}

/** Reads the farm's visits in portions, so that each signature is looked at while it is young. */
export class Book {
  readonly #byFile = new Map<string, Received[]>()
  readonly #bodies = new Map<string, string>()
  readonly #farm: ReceiverFarm
  readonly #secrets: BookSecrets
  #last = 0

  constructor(farm: ReceiverFarm, secrets: BookSecrets) {
    this.#farm = farm
    this.#secrets = secrets
  }

  /** The number of the last visit that was read. */
  get last(): number {
    return this.#last
  }

  /** Reads on. @throws {Error} for a signature that does not hold; {AssertionError} for one id with two bodies */
  async read(): Promise<void> {
    for (const visit of await this.#farm.visits(this.#last)) {
      this.#last = visit.n
      const isStanding = visit.request?.path === standingPath
      const received = receive(visit, isStanding ? this.#secrets.standing : this.#secrets.own)
      const { id, request, message } = received
      const known = this.#bodies.get(id) ?? request.body
      assert.equal(request.body, known, `two bodies of ${id}`)
      this.#bodies.set(id, known)
      const file = isStanding ? standingFile(message.data.id) : request.path
      this.#byFile.set(file, [...this.#callsOf(file), received])
    }
  }

  /** Holds all jobs against what was told of them, to their own receivers and to the standing one, and of no other. */
  assertTold(dataDir: string, jobs: readonly EndedJob[]): void {
    const awaited = new Set<string>()
    for (const job of jobs) {
      const events = eventsOf(dataDir, job.id)
      for (const listener of listenersOf(job)) {
        this.#assertToldTo(listener, job, events)
        awaited.add(listener.file)
      }
    }
    assert.deepEqual(
      [...this.#byFile.keys()].filter(file => !awaited.has(file)),
      []
    )
  }

  /** Of the URLs that jobs name, or of the standing endpoint. */
  figures(whose: keyof BookSecrets): BookFigures {
    const files = [...this.#byFile].filter(
      ([file]) => file.startsWith(standingPath) === (whose === 'standing')
    )
    const all = files.flatMap(([, calls]) => calls)
    const taken = all.filter(({ status }) => status === 200)
    const [messages, takenOnce] = [all, taken].map(calls => new Set(calls.map(({ id }) => id)).size) as [
      number,
      number
    ]
    return {
      messages,
      calls: all.length,
      repeated: taken.length - takenOnce,
      failed: all.length - taken.length,
      superseded: messages - takenOnce
    }
  }

  #callsOf(file: string): readonly Received[] {
    return this.#byFile.get(file) ?? []
  }

  #assertToldTo({ file, types }: Listener, { id, state }: EndedJob, stored: readonly StoredEvent[]): void {
    const calls = this.#callsOf(file)
    const text = `${id} at ${file}: ${calls.map(lineOf).join('; ')}`
    const isEndTaken = calls.some(call => call.message.type === `job.${state}` && call.status === 200)
    assert.ok(isEndTaken, `job.${state} is missing: ${text}`)
    for (const { message } of calls) assert.equal(message.data.id, id, text)
    const events = stored.filter(({ type }) => types === 'all' || types.includes(type))
    assertComplete(calls, events, text)
    assertOrder(calls, events, text)
  }
}

/** Every event was told, each under its own id whenever it came, and no other; one that was not taken was tried, and is not the last. */
function assertComplete(calls: readonly Received[], events: readonly StoredEvent[], text: string): void {
  const known = new Map(events.map(({ id, type, seq }) => [id, `${seq} ${type}`]))
  for (const { id, message } of calls)
    assert.equal(`${message.data.seq} ${message.type}`, known.get(id), `${id}: ${text}`)
  for (const [index, { id, type }] of events.entries()) {
    const own = calls.filter(call => call.id === id)
    if (own.some(({ status }) => status === 200)) continue
    assert.ok(own.length > 0, `${type} was never sent: ${text}`)
    assert.ok(index < events.length - 1, text)
  }
}

/**
 * Before an event is sent, those before it were taken, or they have failed: the end of the job is there since, or they
 * failed so long ago that nobody waits for them any more.
 */
function assertOrder(calls: readonly Received[], events: readonly StoredEvent[], text: string): void {
  const end = events.at(-1)!
  for (const [index, call] of calls.entries()) {
    const before = calls.slice(0, index)
    const place = events.findIndex(({ id }) => id === call.id)
    for (const { id, type } of events.slice(0, place)) {
      const own = before.filter(one => one.id === id)
      if (own.some(({ status }) => status === 200)) continue
      const failed = own[0]
      const late = `${call.message.type} of ${call.at} came before ${type}: ${text}`
      assert.ok(failed && (end.createdAt <= call.at || call.at - failed.at >= orderWaitMs), late)
    }
  }
}

function listenersOf({ id, order }: EndedJob): Listener[] {
  return [
    { file: pathOf(order), types: order.endOnly ? ends : 'all' },
    { file: standingFile(id), types: standingEvents }
  ]
}

const standingFile = (jobId: string) => `${standingPath}/${jobId}`

function eventsOf(dataDir: string, jobId: string): StoredEvent[] {
  const query = `SELECT event.id, event.seq, event.type, event.created_at AS createdAt FROM event
    JOIN job ON job.seq = event.job_seq
    WHERE job.id = ? AND event.type NOT LIKE 'job.output%' ORDER BY event.seq`
  return reading(dataDir, db => db.prepare(query).all(jobId)) as StoredEvent[]
}

function lineOf({ at, status, message: { type, data } }: Received): string {
  return `${at} ${data.seq} ${type} ${status ?? 'cut'}`
}

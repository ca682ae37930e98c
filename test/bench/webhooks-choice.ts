/** Choosing the next delivery with 100 000 pending against 1 000, in the store alone. */
import { openStore, type Store } from '../../core/database/open.ts'
import { newId } from '../../core/jobs/ids.ts'
import { Choice, InFlight } from '../../plugins/webhooks/choice.ts'
import type { Delivery } from '../../plugins/webhooks/delivery.ts'
import type { Answer } from '../../plugins/webhooks/egress/sender.ts'
import { Outbox } from '../../plugins/webhooks/outbox.ts'
import { Outcomes } from '../../plugins/webhooks/outcomes.ts'
import { ReceiverStore } from '../../plugins/webhooks/receiver-store.ts'
import { openBacklog } from './backlog.ts'
import { type Figure, median } from './figures.ts'
import type { Bench } from './scenario.ts'

const few = 1000
const many = 100_000
const hosts = 8
const rounds = 20
const perRound = 50
/** Under way beside the one that is chosen. */
const underWay = 16
const perReceiver = 4
const perCommit = 10_000
const orderWaitMs = 60_000

const taken: Answer = {
  outcome: '2xx',
  status: 200,
  location: null,
  retryAfterMs: null,
  address: '192.0.2.1',
  error: null,
  durationMs: 5,
  response: Buffer.alloc(0)
}

interface Times {
  readonly choiceMs: number[]
  readonly wholeMs: number[]
}

/** The two databases in turns. What was taken is made up for after each round. */
export function choiceFigures(bench: Bench): Figure[] {
  bench.note('choosing a delivery')
  const stores = {
    few: new PendingDeliveries(bench.directory(), few),
    many: new PendingDeliveries(bench.directory(), many)
  }
  const times = { few: { choiceMs: [], wholeMs: [] } as Times, many: { choiceMs: [], wholeMs: [] } as Times }
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const which of ['few', 'many'] as const) {
      const { choiceMs, wholeMs } = stores[which].takeSome()
      if (round === 0) continue
      times[which].choiceMs.push(...choiceMs)
      times[which].wholeMs.push(...wholeMs)
    }
  }
  for (const store of Object.values(stores)) store.close()
  const of = (which: keyof typeof times, what: keyof Times) => median(times[which][what])
  return [
    { what: 'a choice, 1 000 pending, p50', value: of('few', 'choiceMs'), unit: 'ms' },
    { what: 'a choice, 100 000 pending, p50', value: of('many', 'choiceMs'), unit: 'ms' },
    ratio('a choice', of('many', 'choiceMs') / of('few', 'choiceMs')),
    ratio('with what came of it', of('many', 'wholeMs') / of('few', 'wholeMs'))
  ]
}

function ratio(what: string, value: number): Figure {
  return { what: `${what}, 100 000 pending over 1 000`, value, unit: '×', reach: { atMost: 1.5 } }
}

/** A database with jobs that are each told of once, to one of the hosts in turn. */
class PendingDeliveries {
  readonly #opened: Store
  readonly #receivers: ReceiverStore
  readonly #outbox: Outbox
  readonly #outcomes: Outcomes
  readonly #choice: Choice
  readonly #inFlight = new InFlight()
  /** The same, the oldest first. */
  readonly #underWay: Delivery[] = []
  #added = 0

  constructor(dataDir: string, count: number) {
    const backlog = openBacklog(dataDir)
    backlog.add(count + (rounds + 1) * perRound)
    backlog.close()
    this.#opened = openStore(dataDir)
    const { db } = this.#opened
    this.#receivers = new ReceiverStore(db)
    this.#outbox = new Outbox(db, this.#receivers, orderWaitMs)
    this.#outcomes = new Outcomes(db, this.#receivers, this.#outbox)
    this.#choice = new Choice(db, this.#receivers, perReceiver)
    for (let left = count; left > 0; left -= perCommit) this.#add(Math.min(left, perCommit))
  }

  /** As the dispatcher does: where an attempt ends, what came of it is written down, and another begins. */
  takeSome(): Times {
    const now = Date.now()
    while (this.#underWay.length < underWay) this.#begin(now)
    const times: Times = { choiceMs: [], wholeMs: [] }
    for (let one = 0; one < perRound; one++) {
      const beganAt = performance.now()
      this.#begin(now)
      times.choiceMs.push(performance.now() - beganAt)
      const ended = this.#underWay.shift()!
      this.#outcomes.record(ended, taken, now, { state: 'delivered' })
      this.#inFlight.remove(ended)
      times.wholeMs.push(performance.now() - beganAt)
    }
    this.#add(perRound)
    return times
  }

  #begin(now: number): void {
    const { delivery } = this.#choice.next(now, this.#inFlight)!
    this.#inFlight.add(delivery)
    this.#underWay.push(delivery)
  }

  close(): void {
    this.#opened.close()
  }

  #add(count: number): void {
    const { db } = this.#opened
    const jobs = db.prepare('SELECT seq, id FROM job ORDER BY seq LIMIT ? OFFSET ?').all(count, this.#added)
    this.#added += count
    const now = Date.now()
    db.transaction(() => {
      for (const job of jobs as { seq: number; id: string }[]) this.#addOne(job, now)
    })()
  }

  #addOne(job: { seq: number; id: string }, at: number): void {
    const host = `host-${job.seq % hosts}.example`
    const receiverSeq = this.#receivers.ofHost('local', host)
    const message = { id: newId('evt'), type: 'job.queued', job, isEnd: false, body: '{}', at }
    const whom = { owner: 'local', receiverSeq, endpointId: null, url: `https://${host}/`, isHeld: false }
    this.#outbox.add(message, [whom], at)
  }
}

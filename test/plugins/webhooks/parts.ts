/** The parts of the plugin on a real database, with a clock of the test's own: what is sent is up to the test. */
import type { TestContext } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { Choice, type Due, InFlight } from '../../../plugins/webhooks/choice.ts'
import {
  type Delivery,
  type DeliveryRow,
  deliveryColumns,
  toDelivery
} from '../../../plugins/webhooks/delivery.ts'
import type { Answer, Outcome } from '../../../plugins/webhooks/egress/sender.ts'
import { Outbox } from '../../../plugins/webhooks/outbox.ts'
import { Outcomes } from '../../../plugins/webhooks/outcomes.ts'
import { ReceiverStore } from '../../../plugins/webhooks/receiver-store.ts'
import { judge } from '../../../plugins/webhooks/retry.ts'
import { openBench } from '../../core/jobs/fixtures.ts'

/** The default one, in ms. */
export const schedule = [5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400].map(s => s * 1000)
export const orderWaitMs = 60_000

/** An answer of a kind. */
export function answerOf(outcome: Outcome, more: Partial<Answer> = {}): Answer {
  const status = outcome === '2xx' ? 204 : 500
  const nothing = { location: null, retryAfterMs: null, address: '192.0.2.1', error: null }
  return { outcome, status, ...nothing, durationMs: 0, response: Buffer.from('so'), ...more }
}

/** Opens them. */
export function openParts(t: TestContext, perReceiver = 4) {
  const clock = { now: 1_700_000_000_000 }
  const bench = openBench(t, () => clock.now)
  const { db } = bench
  const receivers = new ReceiverStore(db)
  const outbox = new Outbox(db, receivers, orderWaitMs)
  const outcomes = new Outcomes(db, receivers, outbox)
  const choice = new Choice(db, receivers, perReceiver)
  const inFlight = new InFlight()
  let told = 0
  const tell = (job: Job | undefined, to: string, more: { isEnd?: boolean; isHeld?: boolean } = {}) => {
    const { isEnd = false, isHeld = false } = more
    told += 1
    const message = {
      id: `evt_${told}`,
      type: isEnd ? 'job.done' : 'job.working',
      isEnd,
      body: '{}',
      at: clock.now
    }
    const about = job === undefined ? {} : { job: { seq: job.seq, id: job.id } }
    const receiverSeq = receivers.ofHost('local', to)
    const recipient = { owner: 'local', receiverSeq, endpointId: null, url: `https://${to}/`, isHeld }
    return db.transaction(() => outbox.add({ ...message, ...about }, [recipient], clock.now))().ids[0]!
  }
  const find = db.prepare(`SELECT ${deliveryColumns} FROM webhook_delivery WHERE id = ?`)
  return {
    ...{ bench, db, clock, receivers, outbox, outcomes, choice, inFlight, tell },
    find: (id: string): Delivery => toDelivery(find.get(id) as DeliveryRow),
    /** Begins the next attempt there is. */
    begin: (): Due | undefined => {
      const due = choice.next(clock.now, inFlight)
      if (due !== undefined) inFlight.add(due.delivery)
      return due
    },
    /** The attempt ends now. */
    end: ({ delivery }: Due, outcome: Outcome, more: Partial<Answer> = {}, notBefore = 0) => {
      const answer = answerOf(outcome, more)
      const tried = { tries: delivery.tries + 1, once: false, isOvertaken: outcomes.isOvertaken(delivery) }
      const verdict = judge(answer, tried, schedule, clock.now)
      outcomes.record(delivery, answer, clock.now, verdict, notBefore)
      inFlight.remove(delivery)
      return verdict
    },
    /** The clock goes on to when something is due. @returns whether anything will be */
    sleep: (): boolean => {
      const at = choice.nextTime(clock.now)
      if (at !== undefined) clock.now = at
      return at !== undefined
    }
  }
}

/** What {@link openParts} gives. */
export type PartsBench = ReturnType<typeof openParts>

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from 'better-sqlite3'
import { Choice } from '../../../plugins/webhooks/choice.ts'
import { DeliveryLog } from '../../../plugins/webhooks/delivery-log.ts'
import { Outbox } from '../../../plugins/webhooks/outbox.ts'
import { Outcomes } from '../../../plugins/webhooks/outcomes.ts'
import { ReceiverStore } from '../../../plugins/webhooks/receiver-store.ts'
import { rowsOf } from '../../core/jobs/fixtures.ts'
import { statementsOf } from '../../core/jobs/plans.ts'
import fc from '../../helpers/fast-check.ts'
import { openParts, orderWaitMs, type PartsBench } from './parts.ts'

/** Begins one and lets it end. @returns its event, or undefined where nothing goes now */
function deliver(parts: PartsBench, outcome: '2xx' | '5xx' = '2xx'): string | undefined {
  const due = parts.begin()
  if (due !== undefined) parts.end(due, outcome)
  return due?.delivery.eventId
}

test('what is told of a job goes one after another, in order', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  for (let n = 0; n < 3; n++) parts.tell(job, 'a.example')
  const first = parts.begin()!
  assert.equal(parts.begin(), undefined, 'the second waits for the first')
  parts.end(first, '2xx')
  assert.deepEqual([deliver(parts), deliver(parts), deliver(parts)], ['evt_2', 'evt_3', undefined])
})

test('what is told of several jobs goes at the same time, to a receiver four at most', t => {
  const parts = openParts(t)
  for (let n = 0; n < 6; n++) parts.tell(parts.bench.accept(), 'a.example')
  const begun = Array.from({ length: 6 }, () => parts.begin())
  assert.deepEqual(
    begun.map(due => due?.delivery.eventId),
    ['evt_1', 'evt_2', 'evt_3', 'evt_4', undefined, undefined]
  )
  parts.end(begun[0]!, '2xx')
  assert.equal(parts.begin()!.delivery.eventId, 'evt_5')
})

test('one that fails holds up the next for a minute, and no longer', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  parts.tell(job, 'a.example')
  const second = parts.tell(job, 'a.example')
  const from = parts.clock.now
  parts.end(parts.begin()!, '5xx')
  assert.equal(parts.find(second).dueAt, from + orderWaitMs)
  while (parts.clock.now < from + orderWaitMs) {
    const event = deliver(parts, '5xx')
    assert.notEqual(event, 'evt_2')
    if (event === undefined) parts.sleep()
  }
  assert.equal(deliver(parts), 'evt_2')
})

test('as soon as the one that failed is taken the next goes', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  parts.tell(job, 'a.example')
  parts.tell(job, 'a.example')
  parts.end(parts.begin()!, '5xx')
  parts.sleep()
  assert.equal(deliver(parts), 'evt_1')
  assert.equal(deliver(parts), 'evt_2')
})

test('one that comes behind one that failed waits a minute as well', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  parts.tell(job, 'a.example')
  parts.end(parts.begin()!, '5xx')
  const second = parts.tell(job, 'a.example')
  assert.equal(parts.find(second).dueAt, parts.clock.now + orderWaitMs)
})

test('the end of a job makes needless what failed before it, and goes at once', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  const failed = parts.tell(job, 'a.example')
  parts.end(parts.begin()!, '5xx')
  const end = parts.tell(job, 'a.example', { isEnd: true })
  assert.equal(parts.find(failed).state, 'superseded')
  assert.equal(deliver(parts), 'evt_2')
  assert.equal(parts.find(end).state, 'delivered')
})

test('what was never tried is not made needless: it goes before the end', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  parts.tell(job, 'a.example')
  parts.tell(job, 'a.example')
  parts.end(parts.begin()!, '5xx')
  parts.tell(job, 'a.example', { isEnd: true })
  assert.deepEqual([deliver(parts), deliver(parts), deliver(parts)], ['evt_2', 'evt_3', undefined])
})

test('one that is under way when the job ends is not sent again where it fails', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  const first = parts.tell(job, 'a.example')
  const due = parts.begin()!
  const end = parts.tell(job, 'a.example', { isEnd: true })
  assert.equal(parts.begin(), undefined)
  assert.equal(parts.end(due, '5xx').state, 'superseded')
  assert.equal(parts.find(first).state, 'superseded')
  assert.equal(deliver(parts), parts.find(end).eventId)
})

test('a receiver that failed last gets one at a time until it takes one', t => {
  const parts = openParts(t)
  for (let n = 0; n < 8; n++) parts.tell(parts.bench.accept(), 'a.example')
  parts.end(parts.begin()!, '5xx')
  const one = parts.begin()!
  assert.equal(parts.begin(), undefined)
  parts.end(one, '2xx')
  assert.equal(Array.from({ length: 5 }, () => parts.begin()).filter(due => due !== undefined).length, 4)
})

test('a receiver that is busy comes after one that is not', t => {
  const parts = openParts(t)
  for (let n = 0; n < 4; n++) parts.tell(parts.bench.accept(), 'slow.example')
  assert.equal(parts.begin()!.delivery.eventId, 'evt_1')
  parts.clock.now += 1
  parts.tell(parts.bench.accept(), 'quick.example')
  assert.equal(parts.begin()!.delivery.eventId, 'evt_5')
})

test('a job is held until nothing is to be told of it any more', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  parts.tell(job, 'a.example')
  parts.tell(job, 'b.example', { isHeld: true })
  assert.deepEqual(rowsOf(parts.db, 'job_hold'), [{ job_seq: job.seq }])
  deliver(parts)
  assert.equal(rowsOf(parts.db, 'job_hold').length, 1, 'what is held for a replay counts')
  parts.db.exec("UPDATE webhook_delivery SET state = 'pending', due_at = 1 WHERE state = 'held'")
  parts.db.exec('UPDATE webhook_receiver SET due_at = 1')
  deliver(parts)
  assert.equal(rowsOf(parts.db, 'job_hold').length, 0)
})

test('where a job is removed, what was to be told of it is found out and ends', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  const ids = [parts.tell(job, 'a.example'), parts.tell(job, 'a.example')]
  parts.end(parts.begin()!, '5xx')
  assert.equal(parts.db.prepare('SELECT response FROM webhook_attempt').pluck().get() instanceof Buffer, true)
  parts.db.prepare('DELETE FROM job WHERE seq = ?').run(job.seq)
  assert.equal(parts.db.prepare('SELECT response FROM webhook_attempt').pluck().get(), null)
  assert.deepEqual(rowsOf(parts.db, 'webhook_message'), [])
  for (const id of ids) assert.equal(parts.find(id).messageSeq, null)
  const found: string[] = []
  for (let due = parts.begin(); due !== undefined || parts.sleep(); due = parts.begin()) {
    if (due === undefined) continue
    parts.outcomes.settle(due.delivery, { state: 'exhausted', reason: 'job_removed' }, parts.clock.now)
    parts.inFlight.remove(due.delivery)
    found.push(due.delivery.id)
  }
  assert.deepEqual(found.sort(), ids.sort())
})

/** What happens next, in a random play. */
type Step =
  | { readonly do: 'tell'; readonly job: number; readonly to: number; readonly isEnd: boolean }
  | { readonly do: 'begin' }
  | { readonly do: 'end'; readonly which: number; readonly ok: boolean }
  | { readonly do: 'sleep' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('tell' as const),
    job: fc.nat(3),
    to: fc.nat(2),
    isEnd: fc.boolean()
  }),
  fc.record({ do: fc.constant('begin' as const) }),
  fc.record({ do: fc.constant('end' as const), which: fc.nat(5), ok: fc.boolean() }),
  fc.record({ do: fc.constant('sleep' as const) })
)

test('whatever happens: one at a time of a job, in order where nothing fails, and all of it is over at the end', t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const parts = openParts(t)
      const jobs = Array.from({ length: 4 }, () => parts.bench.accept())
      const ended = new Set<string>()
      const under: NonNullable<ReturnType<PartsBench['begin']>>[] = []
      const failed = new Set<string>()
      const last = new Map<string, number>()
      const chainOf = ({ delivery }: (typeof under)[number]) => `${delivery.jobSeq} ${delivery.receiverSeq}`
      const begin = () => {
        const due = parts.begin()
        if (due === undefined) return false
        const chain = chainOf(due)
        assert.equal(under.filter(other => chainOf(other) === chain).length, 0, 'two of a job at a time')
        if (!failed.has(chain)) assert.ok(due.delivery.seq > (last.get(chain) ?? 0), 'out of order')
        last.set(chain, due.delivery.seq)
        under.push(due)
        return true
      }
      const end = (which: number, ok: boolean) => {
        const [due] = under.splice(which % under.length, 1)
        if (!ok) failed.add(chainOf(due!))
        parts.end(due!, ok ? '2xx' : '5xx')
      }
      for (const one of steps) {
        if (one.do === 'begin') begin()
        else if (one.do === 'sleep') parts.sleep()
        else if (one.do === 'end' && under.length > 0) end(one.which, one.ok)
        else if (one.do === 'tell' && !ended.has(`${one.job} ${one.to}`)) {
          parts.tell(jobs[one.job]!, `${one.to}.example`, { isEnd: one.isEnd })
          if (one.isEnd) ended.add(`${one.job} ${one.to}`)
        }
      }
      do {
        while (begin()) {}
        while (under.length > 0) end(0, true)
      } while (parts.choice.next(parts.clock.now, parts.inFlight) !== undefined || parts.sleep())
      const left = parts.db
        .prepare("SELECT state, due_at FROM webhook_delivery WHERE state NOT IN ('delivered', 'superseded')")
        .all()
      assert.deepEqual(left, [])
      assert.deepEqual(rowsOf(parts.db, 'job_hold'), [])
      assert.deepEqual(rowsOf(parts.db, 'webhook_total'), [{ open: 0 }])
      parts.db.close()
    }),
    { numRuns: 60 }
  )
})

test('nothing that is done for an attempt reads a whole table', t => {
  const { db } = openParts(t)
  const receivers = new ReceiverStore(db)
  const statements = statementsOf(db, () => {
    const outbox = new Outbox(db, new ReceiverStore(db), orderWaitMs)
    new Outcomes(db, receivers, outbox)
    new Choice(db, receivers, 4)
    new DeliveryLog(db)
  })
  assert.ok(statements.length > 20)
  assert.deepEqual(
    statements.filter(sql => wholeTables(db, sql).length > 0),
    []
  )
})

/** The steps that read a table from its beginning to its end, or sort it. The total is one row. */
function wholeTables(db: Database, sql: string): string[] {
  const values: unknown[] = /@\w/.test(sql)
    ? [Object.fromEntries([...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, '0']))]
    : Array(sql.split('?').length - 1).fill('0')
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[]
  return plan
    .map(({ detail }) => detail)
    .filter(detail => /SCAN (?!json_each|webhook_total|CONSTANT)|TEMP B-TREE/.test(detail))
}

/** Receivers of every kind of hostility: no job waits for any of them, and what is written down is what each did. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from 'better-sqlite3'
import type { Outcome } from '../../plugins/webhooks/egress/sender.ts'
import type { DeliveryState } from '../../plugins/webhooks/retry.ts'
import { receive } from '../receiver-farm/message.ts'
import { type ReceiverFarm, type ReceiverName, receiverNames } from '../receiver-farm/start.ts'
import { handIn, jobTelling, openDeliveries, settled, startWebhookRig } from './support/webhooks.ts'

const hourMs = 3_600_000
/** For connections that were ended to be gone on both sides. */
const patienceMs = 60_000
/** To one receiver, unless another is set. */
const mostUnderWay = 4
const jobs = 200

interface Fate {
  readonly state: DeliveryState
  /** Of every attempt; of `flaky`, of the last. */
  readonly outcome: Outcome
  /** Defaults to 2 where it fails, 1 where it does not. */
  readonly attempts?: number
}

const taken: Fate = { state: 'delivered', outcome: '2xx' }
const failedBy = (outcome: Outcome): Fate => ({ state: 'exhausted', outcome })

const fates: Record<ReceiverName, Fate> = {
  healthy: taken,
  slow: taken,
  flaky: taken,
  hanging: failedBy('timeout'),
  redirecting: failedBy('3xx'),
  failing: failedBy('5xx'),
  missing: failedBy('4xx'),
  gone: { ...failedBy('410'), attempts: 1 },
  throttling_seconds: failedBy('429'),
  throttling_date: failedBy('5xx'),
  throttling_nonsense: failedBy('429'),
  throttling_forever: { state: 'retrying', outcome: '5xx', attempts: 1 },
  self_signed: failedBy('tls'),
  resetting_at_once: failedBy('connect'),
  resetting_in_head: failedBy('connect'),
  // A body does not count, so neither does how it ends.
  resetting_in_body: taken,
  closing: failedBy('connect'),
  deaf: failedBy('timeout'),
  huge_honest: taken,
  huge_lying: taken,
  huge_endless: taken,
  gzip_bomb: taken,
  speaking_ssh: failedBy('connect'),
  garbage: failedBy('connect'),
  endless_headers: failedBy('connect'),
  informational_flood: failedBy('connect'),
  trickling_head: failedBy('timeout'),
  trickling_body: taken
}

test('jobs begin and end while every receiver there is hangs', { timeout: 120_000 }, async t => {
  const { app, url, farm } = await startWebhookRig(t, { webhooks: { timeout_s: 60 } })
  const urls = [farm.url('hanging'), farm.url('deaf')]
  const ids = await handIn(
    url,
    Array.from({ length: jobs }, (_, n) => jobTelling(urls[n % 2]!, 'job.*'))
  )
  await farm.waitFor(({ receiver }) => receiver === 'hanging')
  for (const id of ids) {
    const answer = await fetch(`${url}/jobs/${id}`, { headers: { prefer: 'wait=60' } })
    assert.equal(((await answer.json()) as { state: string }).state, 'done')
  }
  assert.equal(app.db.prepare('SELECT count(*) FROM webhook_attempt').pluck().get(), 0, 'one is over')
  // Four events each: queued, loading or not, working, done. The last ones may not be messages yet.
  assert.ok(openDeliveries(app.db) >= 2 * jobs)
})

test('every receiver gets what it is due, and is written down as what it is', {
  timeout: 120_000
}, async t => {
  const { app, url, farm } = await startWebhookRig(t, {
    farm: { slow_ms: 300, trickle_ms: 100, flaky_failures: 1, retry_after_ms: 1000 },
    webhooks: { timeout_s: 2, retry_schedule_s: [1], circuit_failures: 10_000 }
  })
  const wanted = receivers()
  const told = wanted.map((name, n) => jobTelling(farm.url(name, `${name}/${n}`), 'job.done'))
  const ids = await handIn(url, told)
  await settled(app.db, wanted.filter(name => name === 'throttling_forever').length)
  const done = app.db.prepare("SELECT count(*) FROM job WHERE state = 'done'").pluck().get()
  assert.equal(done, ids.length)
  for (const name of receiverNames) assertFate(name, fateOf(app.db, name))
  await assertReceived(url, farm, ids, wanted)
  assert.equal((await farm.counts()).trap.connections, 0, 'somebody followed a redirect')
  await app.close()
  await assertNobodyConnected(farm)
})

/** Two jobs for each of those that take their time with every attempt, the rest evenly for the others. */
function receivers(): ReceiverName[] {
  const slow = receiverNames.filter(name =>
    /^(hanging|deaf|trickling_head|throttling_(seconds|date))$/.test(name)
  )
  const quick = receiverNames.filter(name => !slow.includes(name))
  const left = jobs - 2 * slow.length
  return [...slow, ...slow, ...Array.from({ length: left }, (_, n) => quick[n % quick.length]!)]
}

interface Attempted {
  readonly path: string
  readonly state: DeliveryState
  readonly reason: string | null
  readonly dueAt: number | null
  readonly outcomes: string | null
  readonly lastAt: number | null
}

/** What is stored of all deliveries to a receiver. */
function fateOf(db: Database, name: ReceiverName): Attempted[] {
  const query = `SELECT url AS path, d.state, d.reason, d.due_at AS dueAt, group_concat(a.outcome ORDER BY a.n) AS outcomes,
      max(a.at) AS lastAt
    FROM webhook_delivery AS d LEFT JOIN webhook_attempt AS a ON a.delivery_seq = d.seq
    WHERE d.url GLOB ? GROUP BY d.seq`
  return db.prepare(query).all(`*/${name}/*`) as Attempted[]
}

function assertFate(name: ReceiverName, deliveries: readonly Attempted[]): void {
  const { state, outcome, attempts = state === 'delivered' ? 1 : 2 } = fates[name]
  const text = `${name}: ${JSON.stringify(deliveries, undefined, 1)}`
  const begun = deliveries.filter(({ outcomes }) => outcomes !== null)
  // Who asks for an hour is left in peace with all that is not under way yet.
  const begunMost = name === 'throttling_forever' ? mostUnderWay : deliveries.length
  assert.ok(begun.length >= 1 && begun.length <= begunMost && begunMost <= deliveries.length, text)
  if (name !== 'throttling_forever') assert.equal(begun.length, deliveries.length, text)
  for (const { state: found, outcomes, reason, dueAt, lastAt } of begun) {
    assert.equal(found, state, text)
    // A kept connection that is closed under a request is replaced within the attempt (RFC 9112, section 9.3.1).
    if (name === 'flaky') assert.match(outcomes!, /^((5xx|connect),)?2xx$/, text)
    else assert.equal(outcomes, Array(attempts).fill(outcome).join(), text)
    if (state === 'exhausted') assert.equal(reason, name === 'gone' ? 'gone' : 'attempts_used', text)
    const isInAnHour = dueAt! >= lastAt! + hourMs && dueAt! <= Date.now() + hourMs
    if (state === 'retrying') assert.ok(isInAnHour, text)
  }
}

/** The library takes what came, each job is told of at its own address, and twice under one id where it was tried twice. */
async function assertReceived(
  url: string,
  farm: ReceiverFarm,
  ids: readonly string[],
  wanted: readonly ReceiverName[]
): Promise<void> {
  const { secret } = (await (await fetch(`${url}/webhook-secret`)).json()) as { secret: string }
  const visits = (await farm.visits()).filter(({ request }) => request !== undefined)
  const idsOf = new Map<number, Set<string>>()
  for (const visit of visits) {
    const { request, id, message } = receive(visit, secret)
    const [, name, n] = request.path.split('/')
    assert.deepEqual([name, message.data.id], [visit.receiver, ids[Number(n)]])
    idsOf.set(Number(n), (idsOf.get(Number(n)) ?? new Set()).add(id))
  }
  for (const [n, name] of wanted.entries()) {
    const taken = fates[name].state === 'delivered' && visits.some(({ receiver }) => receiver === name)
    if (taken) assert.equal(idsOf.get(n)?.size, 1, `${name} ${n}`)
  }
}

/** Foreman has let go of everybody; the deaf one does not notice. */
async function assertNobodyConnected(farm: ReceiverFarm): Promise<void> {
  const open = async () => {
    const counts = Object.entries(await farm.counts())
    return counts.filter(([name, count]) => name !== 'deaf' && count.open > 0).map(([name]) => name)
  }
  const deadline = performance.now() + patienceMs
  while ((await open()).length > 0) {
    assert.ok(performance.now() < deadline, `connected: ${await open()}`)
    await sleep(20)
  }
}

/** Plays kills under jobs with webhooks from a seed. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scope } from '../../helpers/foreman.ts'
import { reading } from '../../strength/support/invariants.ts'
import { Random } from '../random.ts'
import { Book, type BookFigures, type EndedJob } from './book.ts'
import { endOf, handIn, type Order, orderBy } from './orders.ts'
import { Stage } from './stage.ts'
import { makeStanding } from './standing.ts'

/** What a run was made of. */
export interface WebhookFigures {
  readonly kills: number
  /** Jobs by the state they ended in. */
  readonly jobs: Readonly<Record<string, number>>
  /** Of the URLs that jobs name. */
  readonly own: BookFigures
  /** Of the standing endpoint. */
  readonly standing: BookFigures
}

const longestLifeMs = 400
/** When the target is done with all of them, so long may pass in which no delivery ends. */
const patienceMs = 60_000
/** A signature is trusted for five minutes. */
const jobsPerLook = 100
const lookEveryMs = 100

/**
 * Kills foreman `kills` times while `jobs` jobs with webhooks are handed in, run and told of. `told` hears of each kill.
 * @throws {AssertionError} with the first promise that was not kept
 */
export async function playWebhooks(
  scope: Scope,
  { kills, jobs, seed }: { kills: number; jobs: number; seed: number },
  told: (kill: number) => void = () => {}
): Promise<WebhookFigures> {
  const random = new Random(seed)
  const stage = await Stage.start(scope)
  const secrets = { own: await defaultSecret(stage), standing: await makeStanding(stage) }
  const book = new Book(stage.farm, secrets)
  const accepted = new Map<Order, Promise<string>>()
  for (let kill = 1; kill <= kills; kill++) {
    for (let left = Math.round((kill * jobs) / kills) - accepted.size; left > 0; left--) {
      const order = orderBy(random, stage.farm, `${seed}-${accepted.size}`)
      accepted.set(order, handIn(stage, order))
    }
    // A broken promise ends the run at once, not after the last kill.
    await Promise.race([killOnce(stage, book, random), brokenOf(accepted)])
    await book.read()
    told(kill)
  }
  const ended = await assertAllTold(stage, book, accepted)
  const states = countOf(ended.map(({ state }) => state))
  return { kills, jobs: states, own: book.figures('own'), standing: book.figures('standing') }
}

/** At any time, or just after a receiver was called that lets foreman wait for its answer. */
async function killOnce(stage: Stage, book: Book, random: Random): Promise<void> {
  if (random.next() < 0.5) await sleep(random.between(0, longestLifeMs))
  else await nextSlowCall(stage, book.last)
  await stage.kill()
}

async function nextSlowCall({ farm }: Stage, since: number): Promise<void> {
  // Perhaps there is none.
  await farm
    .waitFor(({ receiver }) => receiver === 'slow', { since, timeoutMs: longestLifeMs })
    .catch(() => {})
}

async function brokenOf(accepted: ReadonlyMap<Order, Promise<string>>): Promise<never> {
  await Promise.all(accepted.values())
  return new Promise(() => {})
}

/** Waits until nothing is on its way. @returns all jobs */
async function assertAllTold(
  stage: Stage,
  book: Book,
  accepted: ReadonlyMap<Order, Promise<string>>
): Promise<EndedJob[]> {
  const jobs: EndedJob[] = []
  for (const [order, handedIn] of accepted) {
    const id = await handedIn
    jobs.push({ id, order, state: (await endOf(stage, id)).state })
    if (jobs.length % jobsPerLook === 0) await book.read()
  }
  await allSettled(stage, book)
  await stage.stop()
  await book.read()
  book.assertTold(stage.dataDir, jobs)
  return jobs
}

/** Until every delivery is over. @throws {AssertionError} where one is neither taken nor given up for a later one */
async function allSettled({ dataDir }: Stage, book: Book): Promise<void> {
  let since = performance.now()
  for (let open = Number.POSITIVE_INFINITY; open !== 0; ) {
    assert.ok(performance.now() - since < patienceMs, `${open} deliveries are still open`)
    await sleep(lookEveryMs)
    await book.read()
    const left = reading(dataDir, db => db.prepare('SELECT open FROM webhook_total').pluck().get()) as number
    if (left < open) since = performance.now()
    open = left
  }
  const query =
    "SELECT state, count(*) FROM webhook_delivery WHERE state NOT IN ('delivered', 'superseded') GROUP BY state"
  assert.deepEqual(
    reading(dataDir, db => db.prepare(query).raw().all()),
    []
  )
}

async function defaultSecret(stage: Stage): Promise<string> {
  const answer = await fetch(`${await stage.url()}/webhook-secret`)
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  return (JSON.parse(text) as { secret: string }).secret
}

function countOf(states: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const state of states.toSorted()) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

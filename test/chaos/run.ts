/**
 * `npm run chaos -- [--seed S] [--rounds N] [--kills N] [--orders N] [--requests N] [--flaps N] [--webhooks N] [--cuts N]`:
 * everything that chance may do to foreman, at length. In this order, each left out by 0:
 *
 * - rounds of random jobs, kills and faults of the target, with callers that hold their connection;
 * - kills under callers of the job routes, who hold foreman to every word;
 * - random orders of what can happen to jobs, against a model of their states;
 * - requests made from the schemas of all routes, whole and broken;
 * - a target that goes away and comes back, under six jobs for each time;
 * - kills under a thousand jobs with webhooks, and ten more for each kill beyond a hundred;
 * - streams that are cut at N of their byte offsets, at every one unless N is given, and foreman's death under followers.
 *
 * Prints the seed first, so that a run can be repeated: choices are the same, instants are not.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { fuzz } from '../fuzz/play.ts'
import { playModel } from '../model/play.ts'
import { playFlaps } from '../strength/support/flapping.ts'
import { playCuts } from './cuts/play.ts'
import { playKills } from './kills/play.ts'
import { play } from './play.ts'
import { playWebhooks } from './webhooks/play.ts'

const mostSeed = 2 ** 31
const jobsPerFlap = 6
const killsUnderFollowers = 60
const leastJobsWithWebhooks = 1000
const jobsPerWebhookKill = 10
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string', default: '50' },
    kills: { type: 'string', default: '500' },
    orders: { type: 'string', default: '200' },
    requests: { type: 'string', default: '50000' },
    flaps: { type: 'string', default: '50' },
    webhooks: { type: 'string', default: '100' },
    cuts: { type: 'string', default: 'Infinity' }
  }
})
const [rounds, kills] = [Number(values.rounds), Number(values.kills)]
const [orders, requests] = [Number(values.orders), Number(values.requests)]
const [flaps, webhooks, cuts] = [Number(values.flaps), Number(values.webhooks), Number(values.cuts)]
const seed = Number(values.seed ?? randomInt(mostSeed))
const closing: (() => unknown)[] = []
const scope = { after: (close: () => unknown) => void closing.unshift(close) }

console.log(
  `chaos: seed ${seed}, ${rounds} rounds, ${kills} kills, ${orders} orders, ${requests} requests, ${flaps} flaps,`,
  `${webhooks} kills under webhooks, ${cuts} cuts`
)
const startedAt = performance.now()
try {
  if (rounds > 0) await timed(play(scope, { rounds, seed }, round => console.log(`round ${round} held`)))
  if (kills > 0) {
    const figures = await playKills(scope, { kills, seed }, tellKill)
    console.log(figures.lines().join('\n'))
    if (figures.missed.length > 0) console.log(`no kill met: ${figures.missed.join('; ')}`)
  }
  if (orders > 0) await timed(playModel(scope, { runs: orders, seed }))
  if (requests > 0) await timed(fuzz(scope, { requests, seed }))
  if (flaps > 0) await timed(playFlaps(scope, { flaps, jobs: jobsPerFlap * flaps, seed }))
  if (webhooks > 0) {
    const jobs = Math.max(leastJobsWithWebhooks, jobsPerWebhookKill * webhooks)
    await timed(playWebhooks(scope, { kills: webhooks, jobs, seed }, tellKill))
  }
  if (cuts > 0) {
    const tally = playCuts(scope, { seed, offsets: cuts, kills: killsUnderFollowers }, console.log)
    await timed(tally.then(told => told.lines().join('\n')))
  }
} finally {
  for (const close of closing) await close()
}

async function timed(played: Promise<unknown>): Promise<void> {
  console.log(await played)
  console.log(`${Math.round((performance.now() - startedAt) / 1000)} s so far`)
}

function tellKill(kill: number): void {
  if (kill % 10 === 0) console.log(`kill ${kill} survived`)
}

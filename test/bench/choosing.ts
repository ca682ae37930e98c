/** Choosing the next job with a million queued against a thousand: in the store alone, and as jobs run to their end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { workerLane } from '../../core/queue/dispatcher.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import { type Backlog, models, openBacklog } from './backlog.ts'
import { type Figure, median } from './figures.ts'
import { million, millionQueued } from './million.ts'
import { startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'
import { endedJobs, finishedAt } from './stored.ts'

const few = 1000
const rounds = 20
const takesPerRound = 100

/** While these jobs run, no other model's turn comes: what is timed holds no swap. */
const drained = { queued: 2000, from: 100, to: 600, repeats: 5 }
const lookEveryMs = 100

/** 2 000 choices each, and five drains each. */
export const choosing: Scenario = {
  name: 'choosing',
  title: 'choosing the next job with 1 000 000 queued and with 1 000',
  async run(bench: Bench): Promise<Figure[]> {
    const manyDir = millionQueued(bench)
    const choices = timeChoices(bench.directory(), manyDir)
    bench.note('draining')
    const drains = await timeDrains(bench, manyDir)
    return [
      { what: 'a choice, 1 000 queued, p50', value: median(choices.few), unit: 'ms' },
      { what: 'a choice, 1 000 000 queued, p50', value: median(choices.many), unit: 'ms' },
      ratio('a choice', median(choices.many) / median(choices.few)),
      { what: 'jobs run, 2 000 queued', value: median(drains.few), unit: '/s' },
      { what: 'jobs run, 1 000 000 queued', value: median(drains.many), unit: '/s' },
      ratio('the time of a job', median(drains.few) / median(drains.many))
    ]
  }
}

function ratio(what: string, value: number): Figure {
  return { what: `${what}, 1 000 000 over few`, value, unit: '×', reach: { atMost: 1.5 } }
}

/** Times of a choice in ms, the two queues in turns. */
function timeChoices(fewDir: string, manyDir: string): { few: number[]; many: number[] } {
  const fewQueued = openBacklog(fewDir)
  const manyQueued = openBacklog(manyDir)
  fewQueued.add(few)
  const times = { few: [] as number[], many: [] as number[] }
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const [ofFew, ofMany] = [takeSome(fewQueued), takeSome(manyQueued)]
    if (round === 0) continue
    times.few.push(...ofFew)
    times.many.push(...ofMany)
  }
  fewQueued.close()
  manyQueued.close()
  return times
}

/** Takes jobs as the dispatcher does, and queues as many again. */
function takeSome(backlog: Backlog): number[] {
  const times = Array.from({ length: takesPerRound }, () => takeOne(backlog))
  backlog.add(takesPerRound)
  return times
}

function takeOne({ store, waiting }: Backlog): number {
  const beganAt = performance.now()
  const head = waiting.heads(workerLane).reduce((best, one) => (one.dueAt < best.dueAt ? one : best))
  const job = waiting.first(workerLane, head)!
  const taken = store.move(job, 'working', { attempt: 1, startedAt: Date.now() })
  const tookMs = performance.now() - beganAt
  store.move(taken, 'done')
  return tookMs
}

async function timeDrains(bench: Bench, manyDir: string): Promise<{ few: number[]; many: number[] }> {
  const rates = { few: [] as number[], many: [] as number[] }
  for (let repeat = 0; repeat < drained.repeats; repeat++) {
    const fewDir = bench.directory()
    const backlog = openBacklog(fewDir)
    backlog.add(drained.queued)
    backlog.close()
    rates.few.push(await drainRate(bench, fewDir, 0))
    // Those that ended in the repeats before are still there.
    rates.many.push(await drainRate(bench, manyDir, endedJobs(manyDir)))
  }
  return rates
}

/** Jobs a second, from request to stored end, on a target that answers at once. */
async function drainRate(bench: Bench, dataDir: string, endedBefore: number): Promise<number> {
  const target = await startTarget(bench, { models: [...models] })
  const settings = { queue: { max_queued: 2 * million } }
  const { execArgv } = bench
  const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings, execArgv })
  let lastAt: number | undefined
  while (lastAt === undefined) {
    await sleep(lookEveryMs)
    lastAt = finishedAt(dataDir, endedBefore + drained.to)
  }
  const firstAt = finishedAt(dataDir, endedBefore + drained.from)!
  await foreman.kill('SIGTERM')
  await target.stop()
  return ((drained.to - drained.from) * 1000) / (lastAt - firstAt)
}

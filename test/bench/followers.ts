/** Many followers of one job: whether they get all of it, what that costs the job, and what it costs to write its text down. */
import { spawnForeman } from '../helpers/foreman.ts'
import { startClients } from './clients.ts'
import { type Figure, median, quantile } from './figures.ts'
import { type Crowd, type JobRun, runJob } from './followed-jobs.ts'
import { logFigures } from './log-cost.ts'
import { startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'

const crowds = [
  { transport: 'sse', followers: 1000 },
  { transport: 'ws', followers: 200 }
] as const satisfies readonly Crowd[]
const everybody = crowds.reduce((sum, { followers }) => sum + followers, 0)
/** 100 chunks a second. */
const spoken = { tokens: 300, delayMs: 10, jobs: 5 }
const written = {
  paced: { tokens: 300, delayMs: 10, rounds: 4 },
  flood: { tokens: 5000, delayMs: 0, rounds: 10 }
}
const usPerS = 1e6

/** Jobs with and without followers in turn, then attached calls with and without a log in turn. */
export const followers: Scenario = {
  name: 'followers',
  title: `${crowds[0].followers} SSE and ${crowds[1].followers} WebSocket followers of a job with 100 chunks a second; what its log costs`,
  async run(bench: Bench): Promise<Figure[]> {
    const target = await startTarget(bench, { models: [{ name: 'small' }] })
    const dataDir = bench.directory()
    const foreman = await spawnForeman(bench, { target: target.url, dataDir, execArgv: bench.execArgv })
    await target.configure({ token_delay_ms: spoken.delayMs })
    const alone: JobRun[] = []
    const followed: JobRun[] = []
    bench.note(`${spoken.jobs} jobs alone, ${spoken.jobs} followed by ${everybody}`)
    for (let job = 0; job < spoken.jobs; job += 1) {
      alone.push(await runJob(bench, foreman.url, spoken.tokens, []))
      followed.push(await runJob(bench, foreman.url, spoken.tokens, crowds))
    }
    const clients = startClients(bench)
    const logs: Figure[] = []
    for (const [name, size] of Object.entries(written)) {
      bench.note(`attached calls, ${name}, with and without a log`)
      await target.configure({ token_delay_ms: size.delayMs })
      logs.push(...(await logFigures(clients, foreman.url, name, size)))
    }
    await foreman.kill('SIGTERM')
    return [...followerFigures(alone, followed), ...logs]
  }
}

function followerFigures(alone: JobRun[], followed: JobRun[]): Figure[] {
  const tookMs = (runs: JobRun[]) => median(runs.map(run => run.tookMs))
  const addedMs = (runs: JobRun[]) => median(runs.map(run => run.tookMs - run.targetMs))
  const cpuS = (runs: JobRun[]) => median(runs.map(run => run.cpuS))
  const events = median(followed.map(run => run.crowds[0]!.events))
  const delays = crowds.map((_, index) => followed.flatMap(run => run.crowds[index]!.delaysMs))
  return [
    { what: 'a job without followers, p50', value: tookMs(alone), unit: 'ms' },
    { what: `with ${everybody} followers, p50`, value: tookMs(followed), unit: 'ms' },
    {
      what: 'the job, with followers over without',
      value: tookMs(followed) / tookMs(alone),
      unit: '×',
      reach: { atMost: 1.05 }
    },
    { what: "over the target's own time, without followers", value: addedMs(alone), unit: 'ms' },
    { what: "over the target's own time, with followers", value: addedMs(followed), unit: 'ms' },
    { what: 'events of a job', value: events, unit: '' },
    {
      what: 'gaps, doubles and wrong texts, of all followers and jobs',
      value: followed.reduce((sum, run) => sum + incomplete(run), 0),
      unit: '',
      reach: { atMost: 0 }
    },
    ...crowds.flatMap(({ transport }, index): Figure[] => [
      { what: `an event is with its ${transport} follower, p50`, value: median(delays[index]!), unit: 'ms' },
      {
        what: `an event is with its ${transport} follower, p99`,
        value: quantile(delays[index]!, 0.99),
        unit: 'ms'
      }
    ]),
    {
      what: 'processor time of foreman for an event and follower',
      value: ((cpuS(followed) - cpuS(alone)) * usPerS) / (events * everybody),
      unit: 'µs'
    }
  ]
}

function incomplete(run: JobRun): number {
  const ofCrowds = run.crowds.map(({ texts, broken }) => {
    const wrong = texts.filter(({ text }) => text !== run.text)
    return wrong.reduce((sum, { followers }) => sum + followers, broken)
  })
  return ofCrowds.reduce((sum, count) => sum + count, 0)
}

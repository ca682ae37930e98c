/** 300 jobs for three models at once: how near foreman comes to the best grouping, how far from arrival order. */
import { spawnForeman } from '../helpers/foreman.ts'
import { type Call, chatCall } from './call.ts'
import { startClients } from './clients.ts'
import { type Figure, median } from './figures.ts'
import type { Agent, Visit } from './load-generator.ts'
import { startTarget } from './programs.ts'
import { scaledSettings, scaledTarget, secondMs, seeded } from './scaled.ts'
import type { Bench, Scenario } from './scenario.ts'

const jobs = 300
const models = ['a', 'b', 'c']
const headers = { 'foreman-priority': 'normal' }

/** The workload `backlog` of the schedule in scaled time. */
export const mixedLoad: Scenario = {
  name: 'mixed-load',
  title: '300 jobs at once on three models in random order, a load as long as ten jobs',
  async run(bench: Bench): Promise<Figure[]> {
    const calls = drawCalls()
    const targetConfig = scaledTarget({ a: 1, b: 1, c: 1 })
    const target = await startTarget(bench, targetConfig)
    const clients = startClients(bench)

    // The same target, called by one client that waits for each answer: grouped, then as the jobs came.
    const grouped = await clients.agents({ url: target.url, agents: [oneByOne(calls.toSorted(byModel))] })
    await target.reset()
    bench.note('arrival order: some 45 s')
    const arrival = await clients.agents({ url: target.url, agents: [oneByOne(calls)] })

    await target.reset()
    const foreman = await spawnForeman(bench, {
      target: target.url,
      dataDir: bench.directory(),
      settings: scaledSettings
    })
    const queued = await clients.agents({ url: foreman.url, agents: calls.map(atOnce) })
    const { loads } = await target.state()
    return figures(grouped, arrival, queued, loads)
  }
}

function drawCalls(): Call[] {
  const next = seeded(1)
  return Array.from({ length: jobs }, () =>
    chatCall(models[Math.floor(next() * models.length)]!, { headers })
  )
}

function byModel(one: Call, other: Call): number {
  return one.body < other.body ? -1 : 1
}

function oneByOne(calls: readonly Call[]): Agent {
  return { startMs: 0, thinkMs: 0, calls }
}

function atOnce(call: Call): Agent {
  return { startMs: 0, thinkMs: 0, calls: [call] }
}

function figures(grouped: Visit[], arrival: Visit[], queued: Visit[], loads: number): Figure[] {
  const totalMs = (visits: Visit[]) => Math.max(...visits.map(visit => visit.endedMs))
  return [
    { what: 'a job, direct, p50', value: median(grouped.map(spanOf)), unit: 'ms' },
    { what: 'nominal: 300 jobs and 3 loads', value: ((jobs + 30) * secondMs) / 1000, unit: 's' },
    { what: 'best grouping, direct, one by one', value: totalMs(grouped) / 1000, unit: 's' },
    { what: 'arrival order, direct, one by one', value: totalMs(arrival) / 1000, unit: 's' },
    { what: 'foreman', value: totalMs(queued) / 1000, unit: 's' },
    { what: 'loads through foreman', value: loads, unit: '' },
    {
      what: 'foreman over best grouping',
      value: totalMs(queued) / totalMs(grouped),
      unit: '×',
      reach: { atMost: 1.05 }
    },
    {
      what: 'arrival order over foreman',
      value: totalMs(arrival) / totalMs(queued),
      unit: '×',
      reach: { atLeast: 5 }
    }
  ]
}

function spanOf({ sentMs, endedMs }: Visit): number {
  return endedMs - sentMs
}

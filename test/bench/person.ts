/** A person on one model beside 1 000 batch jobs on another: how long the person waits. */
import { spawnForeman } from '../helpers/foreman.ts'
import { chatCall } from './call.ts'
import { startClients } from './clients.ts'
import { type Figure, median, quantile } from './figures.ts'
import type { Agent } from './load-generator.ts'
import { startTarget } from './programs.ts'
import { loadMs, scaledSettings, scaledTarget, secondMs, seeded } from './scaled.ts'
import type { Bench, Scenario } from './scenario.ts'
import { swapTimes } from './stored.ts'

const batchJobs = 1000
/** Not all in one instant: accepting a thousand connections takes longer than a scaled load, which would seem slow. */
const betweenMs = 2
const meanPauseS = 30
const untilS = 1800
const jobS = 2

/** The workload `personBesideBatch` of the schedule in scaled time. */
export const person: Scenario = {
  name: 'person',
  title: 'a person every 30 s beside 1 000 batch jobs of 2 s on another model, 50 × as fast',
  async run(bench: Bench): Promise<Figure[]> {
    const target = await startTarget(bench, scaledTarget({ batch: jobS, person: jobS }))
    const dataDir = bench.directory()
    const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings: scaledSettings })
    const clients = startClients(bench)
    bench.note('some 55 s')
    const visits = await clients.agents({ url: foreman.url, agents: [...batch(), ...questions()] })
    const waits = visits
      .filter(visit => visit.agent >= batchJobs)
      .map(visit => visit.endedMs - visit.sentMs - jobS * secondMs)
    const swapMs = median(swapTimes(dataDir))
    const totalMs = Math.max(...visits.map(visit => visit.endedMs))
    return [
      { what: 'a load (whole swap), p50', value: swapMs, unit: 'ms' },
      { what: 'all jobs', value: totalMs / 1000, unit: 's' },
      { what: 'all jobs, over their work and two loads', value: totalMs / leastMs(visits.length), unit: '×' },
      { what: 'the person waits, p50, in loads', value: quantile(waits, 0.5) / swapMs, unit: '×' },
      {
        what: 'the person waits, p95, in loads',
        value: quantile(waits, 0.95) / swapMs,
        unit: '×',
        reach: { atMost: 6 }
      }
    ]
  }
}

function batch(): Agent[] {
  const calls = [chatCall('batch', { headers: { 'foreman-priority': 'batch' } })]
  return Array.from({ length: batchJobs }, (_, index) => ({ startMs: index * betweenMs, thinkMs: 0, calls }))
}

/** Whoever asks does not wait for an earlier answer. */
function questions(): Agent[] {
  const next = seeded(2)
  const agents: Agent[] = []
  for (let atS = 0; atS < untilS; ) {
    atS += -Math.log(1 - next()) * meanPauseS
    agents.push({ startMs: atS * secondMs, thinkMs: 0, calls: [chatCall('person')] })
  }
  return agents
}

function leastMs(jobs: number): number {
  return jobs * jobS * secondMs + 2 * loadMs
}

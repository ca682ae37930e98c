/** Three agents in a loop on three models: what lingering is worth, against the same foreman without it. */

import type { FakeOllama } from '../fake-ollama/start.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import { chatCall } from './call.ts'
import { type Clients, startClients } from './clients.ts'
import type { Figure } from './figures.ts'
import { startTarget } from './programs.ts'
import { scaledSettings, scaledTarget, secondMs } from './scaled.ts'
import type { Bench, Scenario } from './scenario.ts'

const headers = { 'foreman-priority': 'normal' }

/** Resident runner first, then the oldest job, and no bound on waiting. */
const plainDrain = { queue: { linger: 0, patience_s: { interactive: 1e6, normal: 1e6, batch: 1e6 } } }

/**
 * Pause between answer and next call, in seconds of the workload: the longest linger to the tick (a tenth of the
 * load), so on a real clock a little more.
 */
const thinkS = 1

/** Plain drain does the same at every call, so fewer calls tell its rate. */
const calls = { foreman: 150, plainDrain: 25 }

/** The workload `threeAgents` of the schedule in scaled time. */
export const agents: Scenario = {
  name: 'agents',
  title: 'three agents in a loop, one model each, jobs of 3 s, 1 s between, loads of 10 s, 50 × as fast',
  async run(bench: Bench): Promise<Figure[]> {
    const target = await startTarget(bench, scaledTarget({ a: 3, b: 3, c: 3 }))
    const clients = startClients(bench)
    bench.note('plain drain: some 20 s')
    const plain = await drive(bench, { target, clients, settings: plainDrain, callsEach: calls.plainDrain })
    await target.reset()
    bench.note('foreman: some 40 s')
    const own = await drive(bench, { target, clients, settings: scaledSettings, callsEach: calls.foreman })
    return [
      {
        what: 'plain drain (foreman with linger 0 and endless patience)',
        value: plain.perSecond,
        unit: '/s'
      },
      { what: 'plain drain, loads a call', value: plain.loadsPerCall, unit: '' },
      { what: 'foreman', value: own.perSecond, unit: '/s' },
      { what: 'foreman, loads a call', value: own.loadsPerCall, unit: '' },
      {
        what: 'calls an hour, foreman over plain drain',
        value: own.perSecond / plain.perSecond,
        unit: '×',
        reach: { atLeast: 2.5 }
      }
    ]
  }
}

interface Drive {
  readonly target: FakeOllama
  readonly clients: Clients
  readonly settings: Record<string, unknown>
  readonly callsEach: number
}

async function drive(bench: Bench, { target, clients, settings, callsEach }: Drive) {
  const dataDir = bench.directory()
  const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings })
  const visits = await clients.agents({
    url: foreman.url,
    agents: ['a', 'b', 'c'].map((model, index) => ({
      startMs: index * 0.3 * secondMs,
      thinkMs: thinkS * secondMs,
      calls: Array.from({ length: callsEach }, () => chatCall(model, { headers }))
    }))
  })
  const { loads } = await target.state()
  await foreman.kill('SIGTERM')
  const tookS = Math.max(...visits.map(visit => visit.endedMs)) / 1000
  return { perSecond: visits.length / tookS, loadsPerCall: loads / visits.length }
}

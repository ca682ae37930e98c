/** What foreman adds to a call that meets an empty queue and a loaded model, beside what any forwarder adds. */
import { spawnForeman } from '../helpers/foreman.ts'
import { chatCall } from './call.ts'
import { startClients } from './clients.ts'
import { type Figure, median, quantile } from './figures.ts'
import { startBareForwarder, startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'

const warmUp = { rounds: 10, callsPerRound: 100 }
const measured = { rounds: 60, callsPerRound: 100 }

/** 6 000 calls on each way, one at a time. */
export const idleCall: Scenario = {
  name: 'idle-call',
  title:
    'one chat call at a time, not streamed, model loaded: direct, through a bare forwarder, through foreman',
  async run(bench: Bench): Promise<Figure[]> {
    const target = await startTarget(bench, { models: [{ name: 'small' }] })
    const bare = await startBareForwarder(bench, target.url)
    const dataDir = bench.directory()
    const foreman = await spawnForeman(bench, { target: target.url, dataDir, execArgv: bench.execArgv })
    const clients = startClients(bench)
    const urls = [target.url, bare, foreman.url]
    const call = chatCall('small')
    await clients.rounds({ urls, call, ...warmUp })
    const [direct, forwarded, queued] = await clients.rounds({ urls, call, ...measured })
    await foreman.kill('SIGTERM')
    return figures(direct!.totalMs, forwarded!.totalMs, queued!.totalMs)
  }
}

function figures(direct: number[], forwarded: number[], queued: number[]): Figure[] {
  const added = (side: number[], fraction: number) => quantile(side, fraction) - quantile(direct, fraction)
  return [
    { what: 'direct, p50', value: median(direct), unit: 'ms' },
    { what: 'direct, p99', value: quantile(direct, 0.99), unit: 'ms' },
    { what: 'bare forwarder adds, p50', value: added(forwarded, 0.5), unit: 'ms' },
    { what: 'bare forwarder adds, p99', value: added(forwarded, 0.99), unit: 'ms' },
    { what: 'foreman adds, p50', value: added(queued, 0.5), unit: 'ms', reach: { atMost: 1 } },
    { what: 'foreman adds, p99', value: added(queued, 0.99), unit: 'ms', reach: { atMost: 5 } },
    {
      what: 'foreman adds over bare forwarder adds, p50',
      value: added(queued, 0.5) / added(forwarded, 0.5),
      unit: '×',
      reach: { atMost: 2 }
    }
  ]
}

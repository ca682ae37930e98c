/** What a flood of wrong tokens, as fast as one client can send them, does to calls with a valid one. */
import { once } from 'node:events'
import { spawnForeman } from '../helpers/foreman.ts'
import { chatCall } from './call.ts'
import { type Clients, startClients } from './clients.ts'
import { type Figure, median, quantile } from './figures.ts'
import type { Answered } from './login-flooder.ts'
import { forkProgram, startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'

const warmUp = 1000
const calls = 3000
const connections = 64
const token = 'a-token-that-opens-it'

/** 3 000 calls without a flood and 3 000 in one. Each must be answered with 200. */
export const loginFlood: Scenario = {
  name: 'login-flood',
  title: 'one chat call at a time with a valid token, alone and while 64 connections send wrong ones',
  async run(bench: Bench): Promise<Figure[]> {
    const target = await startTarget(bench, { models: [{ name: 'small' }] })
    const foreman = await spawnForeman(bench, {
      target: target.url,
      dataDir: bench.directory(),
      settings: { plugins: { auth: { token } } },
      execArgv: bench.execArgv
    })
    const clients = startClients(bench)
    await callMs(clients, foreman.url, warmUp)
    const idleMs = await callMs(clients, foreman.url, calls)
    const flooder = forkProgram(bench, 'login-flooder.ts', [foreman.url, String(connections)])
    const [begun] = await Promise.race([once(flooder, 'message'), once(flooder, 'exit')])
    if (begun !== 'flooding') throw new Error(`the flood ended (exit ${begun})`)
    const beganAt = performance.now()
    const floodedMs = await callMs(clients, foreman.url, calls)
    const tookS = (performance.now() - beganAt) / 1000
    flooder.send('stop')
    const [answered] = (await once(flooder, 'message')) as [Answered]
    await foreman.kill('SIGTERM')
    return figures(idleMs, floodedMs, answered, tookS)
  }
}

/** @throws {Error} where one is not answered with 200 */
async function callMs(clients: Clients, url: string, count: number): Promise<number[]> {
  const call = chatCall('small', { headers: { authorization: `Bearer ${token}` } })
  const [result] = await clients.rounds({ urls: [url], call, rounds: 1, callsPerRound: count })
  return result!.totalMs
}

function figures(idleMs: number[], floodedMs: number[], answered: Answered, tookS: number): Figure[] {
  const p95 = (times: number[]) => quantile(times, 0.95)
  const { sent, ...statuses } = answered
  const refused = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  return [
    { what: 'a valid call alone, p50', value: median(idleMs), unit: 'ms' },
    { what: 'a valid call alone, p95', value: p95(idleMs), unit: 'ms' },
    { what: 'a valid call in the flood, p50', value: median(floodedMs), unit: 'ms' },
    { what: 'a valid call in the flood, p95', value: p95(floodedMs), unit: 'ms' },
    { what: 'wrong tokens sent', value: sent! / tookS, unit: '/s' },
    { what: 'of those answered', value: refused / tookS, unit: '/s' },
    {
      what: 'p95 in the flood over alone',
      value: p95(floodedMs) / p95(idleMs),
      unit: '×',
      reach: { atMost: 5 }
    }
  ]
}

/** How fast jobs are taken: one by one, each on the disk before its answer, and as lines of one stream. */
import { spawnForeman } from '../helpers/foreman.ts'
import { chatCall } from './call.ts'
import { type Clients, startClients } from './clients.ts'
import { type Figure, median, quantile } from './figures.ts'
import { million } from './million.ts'
import { startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'

const path = '/jobs'
const connections = 16
const warmUp = 2000
const oneByOne = 15_000
const inLines = 200_000

/** 15 000 jobs over one connection and over 16, then 200 000 as lines. */
export const submit: Scenario = {
  name: 'submit',
  title:
    'jobs handed in, durable before the answer: one by one over 1 and 16 connections, and as lines of a stream',
  async run(bench: Bench): Promise<Figure[]> {
    // The first job never ends, so that nothing but taking jobs is measured.
    const target = await startTarget(bench, { models: [{ name: 'small', prompt_delay_ms: 1e9 }] })
    const settings = { queue: { max_queued: million } }
    const dataDir = bench.directory()
    const { execArgv } = bench
    const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings, execArgv })
    const clients = startClients(bench)
    const call = { ...chatCall('small'), path }
    await clients.flood({ url: foreman.url, call, count: warmUp, connections })
    const figures = [
      ...(await floodFigures(clients, foreman.url, 1)),
      ...(await floodFigures(clients, foreman.url, connections)),
      ...(await lineFigures(clients, foreman.url))
    ]
    await foreman.kill('SIGTERM')
    return figures
  }
}

async function floodFigures(clients: Clients, url: string, over: number): Promise<Figure[]> {
  const call = { ...chatCall('small'), path }
  const count = over === 1 ? oneByOne / 10 : oneByOne
  const { tookMs, callMs } = await clients.flood({ url, call, count, connections: over })
  const reach = over === connections ? { atLeast: 1500 } : undefined
  const what = `POST /jobs over ${over} connection${over === 1 ? '' : 's'}`
  return [
    { what, value: (count * 1000) / tookMs, unit: '/s', reach },
    { what: `${what}, p50`, value: median(callMs), unit: 'ms' },
    { what: `${what}, p99`, value: quantile(callMs, 0.99), unit: 'ms' }
  ]
}

async function lineFigures(clients: Clients, url: string): Promise<Figure[]> {
  const { body } = chatCall('small')
  const { tookMs } = await clients.lines({ url, path, line: body, count: inLines })
  const value = (inLines * 1000) / tookMs
  return [{ what: 'POST /jobs, lines of one stream', value, unit: '/s', reach: { atLeast: 20_000 } }]
}

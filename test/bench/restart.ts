/** How long a start takes and how much memory foreman holds, with nothing queued and with a million jobs. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeOllama } from '../fake-ollama/start.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import { models } from './backlog.ts'
import { type Figure, median } from './figures.ts'
import { million, millionQueued } from './million.ts'
import { startTarget } from './programs.ts'
import { readResidentMb } from './resident.ts'
import type { Bench, Scenario } from './scenario.ts'

const repeats = 3
/** Memory is looked at when a start's garbage has had time to go. */
const settleMs = 3000

/** Three starts each, in turns. */
export const restart: Scenario = {
  name: 'restart',
  title: 'from the start of the process to 200 on /readyz, and resident memory, nothing and 1 000 000 queued',
  async run(bench: Bench): Promise<Figure[]> {
    const manyDir = millionQueued(bench)
    // The first job never ends, so the queue stays as it is.
    const target = await startTarget(bench, {
      models: models.map(model => ({ ...model, prompt_delay_ms: 1e9 }))
    })
    const empty: Start[] = []
    const full: Start[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      empty.push(await startOnce(bench, target, bench.directory()))
      full.push(await startOnce(bench, target, manyDir))
    }
    return figures(empty, full)
  }
}

interface Start {
  readonly readyMs: number
  readonly residentMb: number
}

async function startOnce(bench: Bench, target: FakeOllama, dataDir: string): Promise<Start> {
  const settings = { queue: { max_queued: 2 * million } }
  const beganAt = performance.now()
  const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings })
  const { status } = await fetch(new URL('/readyz', foreman.url))
  const readyMs = performance.now() - beganAt
  if (status !== 200) throw new Error(`/readyz answered ${status}`)
  await sleep(settleMs)
  const residentMb = readResidentMb(foreman.pid)
  await foreman.kill()
  return { readyMs, residentMb }
}

function figures(empty: Start[], full: Start[]): Figure[] {
  const readyS = (starts: Start[]) => median(starts.map(start => start.readyMs)) / 1000
  const residentMb = (starts: Start[]) => median(starts.map(start => start.residentMb))
  return [
    { what: 'start, nothing queued', value: readyS(empty), unit: 's' },
    { what: 'start, 1 000 000 queued', value: readyS(full), unit: 's', reach: { atMost: 3 } },
    { what: 'memory, nothing queued', value: residentMb(empty), unit: 'MB', reach: { atMost: 150 } },
    {
      what: 'memory more, 1 000 000 queued',
      value: residentMb(full) - residentMb(empty),
      unit: 'MB',
      reach: { atMost: 60 }
    }
  ]
}

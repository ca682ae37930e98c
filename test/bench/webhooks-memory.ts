/** Memory of foreman with 100 000 deliveries waiting for a receiver that never answers, against 1 000. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeOllama } from '../fake-ollama/start.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import type { ReceiverFarm } from '../receiver-farm/start.ts'
import { handIn, jobTelling } from '../strength/support/webhooks.ts'
import { type Figure, median } from './figures.ts'
import { readResidentMb } from './resident.ts'
import type { Bench } from './scenario.ts'
import { openDeliveries } from './stored.ts'

const few = 1000
const many = 100_000
const perCall = 10_000
const repeats = 5
const lookEveryMs = 100
/** Memory is looked at when a start's garbage has had time to go. */
const settleMs = 3000

/** Fills two directories, then starts foreman on each in turns. */
export async function memoryFigures(bench: Bench, target: FakeOllama, farm: ReceiverFarm): Promise<Figure[]> {
  bench.note(`${many} pending deliveries`)
  const dirs = { few: bench.directory(), many: bench.directory() }
  await fill(bench, target, farm, dirs.few, few)
  await fill(bench, target, farm, dirs.many, many)
  const resident = { few: [] as number[], many: [] as number[] }
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const which of ['few', 'many'] as const) {
      const foreman = await start(bench, target, farm, dirs[which])
      await sleep(settleMs)
      resident[which].push(readResidentMb(foreman.pid))
      await foreman.kill()
    }
  }
  return [
    { what: 'memory, 1 000 deliveries pending', value: median(resident.few), unit: 'MB' },
    {
      what: 'memory more, 100 000 pending',
      value: median(resident.many) - median(resident.few),
      unit: 'MB',
      reach: { atMost: 20 }
    }
  ]
}

async function fill(
  bench: Bench,
  target: FakeOllama,
  farm: ReceiverFarm,
  dataDir: string,
  count: number
): Promise<void> {
  const foreman = await start(bench, target, farm, dataDir)
  const job = jobTelling(farm.url('hanging'), 'job.queued', 'a')
  for (let left = count; left > 0; left -= perCall)
    await handIn(foreman.url, Array(Math.min(left, perCall)).fill(job))
  while (openDeliveries(dataDir) < count) await sleep(lookEveryMs)
  await foreman.kill()
}

function start(bench: Bench, target: FakeOllama, farm: ReceiverFarm, dataDir: string) {
  // None is given up while it is looked at.
  const webhooks = { allow: farm.allow, timeout_s: 60 }
  const settings = { plugins: { webhooks }, queue: { max_queued: 2 * many } }
  return spawnForeman(bench, { target: target.url, dataDir, settings })
}

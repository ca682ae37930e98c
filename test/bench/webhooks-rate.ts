/** How many deliveries a second one healthy receiver gets. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeOllama } from '../fake-ollama/start.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import type { ReceiverFarm } from '../receiver-farm/start.ts'
import { handIn, jobTelling } from '../strength/support/webhooks.ts'
import type { Figure } from './figures.ts'
import type { Bench } from './scenario.ts'

const deliveries = 5000
const lookEveryMs = 100

/**
 * Hands in jobs that never begin: each is told of once, as queued. From the first call of the receiver to the last; the
 * first quarter of a second of it the jobs are still being handed in.
 */
export async function rateFigures(bench: Bench, target: FakeOllama, farm: ReceiverFarm): Promise<Figure[]> {
  bench.note(`${deliveries} deliveries to one receiver`)
  const settings = { plugins: { webhooks: { allow: farm.allow } } }
  const { execArgv } = bench
  const dataDir = bench.directory()
  const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings, execArgv })
  await farm.forget()
  await farm.configure({ keep: false })
  await handIn(foreman.url, Array(deliveries).fill(jobTelling(farm.url('healthy'), 'job.queued', 'a')))
  let healthy = (await farm.counts()).healthy
  while (healthy.visits < deliveries) {
    await sleep(lookEveryMs)
    healthy = (await farm.counts()).healthy
  }
  await foreman.kill('SIGTERM')
  const tookS = (healthy.lastAt! - healthy.firstAt!) / 1000
  return [
    {
      what: 'deliveries to one healthy receiver',
      value: healthy.visits / tookS,
      unit: '/s',
      reach: { atLeast: 500 }
    }
  ]
}

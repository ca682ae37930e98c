/** What an attempt at each of the hostile receivers costs of the processor, whatever it answers. In this process. */
import { egressRules } from '../../plugins/webhooks/egress/rules.ts'
import { Sender } from '../../plugins/webhooks/egress/sender.ts'
import { type ReceiverFarm, type ReceiverName, receiverNames } from '../receiver-farm/start.ts'
import type { Figure } from './figures.ts'
import type { Bench } from './scenario.ts'

const attempts = 5
/** Those that want to be waited for are cut off. */
const timeoutMs = 200

/** The dearest of them; the others are told on the way. */
export async function costFigures(bench: Bench, farm: ReceiverFarm): Promise<Figure[]> {
  const rules = egressRules({ allow: farm.allow, own: () => [], target: new URL('http://127.0.0.1:9') })
  const times = { timeoutMs, connectTimeoutMs: timeoutMs }
  const sender = new Sender({ rules, ...times, userAgent: 'a bench', viaProxy: false })
  const attempt = (name: ReceiverName) => sender.send({ url: farm.url(name), headers: {}, body: '{}' })
  // What the first of all costs is the compiler's.
  for (const name of receiverNames) await attempt(name)
  const costs: [ms: number, name: ReceiverName][] = []
  for (const name of receiverNames) costs.push([await costOf(() => attempt(name)), name])
  await sender.close()
  costs.sort(([a], [b]) => b - a)
  bench.note(`ms of the processor: ${costs.map(([ms, name]) => `${name} ${ms.toFixed(1)}`).join(', ')}`)
  const [dearest] = costs[0]!
  return [
    {
      what: 'an attempt at the dearest receiver, processor',
      value: dearest,
      unit: 'ms',
      reach: { atMost: 20 }
    }
  ]
}

async function costOf(attempt: () => Promise<unknown>): Promise<number> {
  const begun = process.cpuUsage()
  for (let n = 0; n < attempts; n++) await attempt()
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000 / attempts
}

/**
 * webhooks: tells other programs what becomes of jobs, by signed HTTP requests.
 *
 * A view of the log of events: it makes messages of it, and sends them until they are taken or given up, at least once
 * each. Owns `/webhook-endpoints`, `/webhook-deliveries`, `/webhook-secret` and `/webhook-keys`, and reads the `webhook` of
 * jobs. No job waits for any of it, and no caller that is connected is told by it (ADR 0005, ADR 0014); docs/webhooks.md is
 * the contract.
 */
import './moments.ts'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { WebhooksConfig } from './config.ts'
import { type EgressRules, egressRules, WebhookUrlRefusedError } from './egress/rules.ts'
import { type Engine, makeEngine } from './engine.ts'
import { addSeries } from './metrics.ts'
import { namedProxy } from './named-proxy.ts'
import { jobWebhookReader } from './read-job-webhook.ts'
import { addRoutes } from './routes.ts'

export { checkOptions } from './check-options.ts'
export { configSchema } from './config.ts'

export default fp<WebhooksConfig>(
  async (app, config) => {
    tellOfProxy(app, config)
    const rules = rulesOf(app, config)
    const engine = makeEngine(app, config, rules)
    app.jobWebhooks.readBy(jobWebhookReader(rules, engine.box), [WebhookUrlRefusedError])
    await addRoutes(app, engine)
    tellOfTarget(app, engine)
    addSeries(app, engine)
    app.addHook('onReady', async () => engine.start())
    app.addHook('preClose', () => engine.stop())
  },
  {
    name: 'webhooks',
    fastify: '5.x',
    dependencies: ['jobs'],
    decorators: {
      fastify: [
        'settings',
        'db',
        'secrets',
        'jobs',
        'jobEvents',
        'jobObjects',
        'targetEvents',
        'telemetry',
        'meters'
      ]
    }
  }
)

function rulesOf(app: FastifyInstance, { allow }: WebhooksConfig): EgressRules {
  const own = () => (app.server.listening ? app.addresses() : []) as AddressInfo[]
  return egressRules({ allow, own, target: new URL(app.settings.target.url) })
}

function tellOfTarget({ targetEvents, log }: FastifyInstance, { news, dispatcher }: Engine): void {
  targetEvents.on('event', ({ type, created_at, data }) => {
    try {
      if (news.ofTarget(type, data, Date.parse(created_at))) dispatcher.wake()
    } catch (err) {
      log.error({ err, type }, 'an event of the target could not be kept for webhooks')
    }
  })
}

/** Without a word webhooks are sent past it: it would look up names in foreman's place, and foreman's checks would be void. */
function tellOfProxy({ log }: FastifyInstance, { proxy_trusted }: WebhooksConfig): void {
  const name = namedProxy(process.env)
  if (name === undefined || proxy_trusted !== undefined) return
  log.warn(`${name} names a proxy: webhooks are sent past it, unless plugins.webhooks.proxy_trusted is true`)
}

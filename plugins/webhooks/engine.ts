/** Puts the parts of the plugin together, and ties them to what happens in foreman. */
import type { FastifyInstance } from 'fastify'
import packageJson from '../../package.json' with { type: 'json' }
import { Again } from './again.ts'
import { AttemptWaiters } from './attempt-waiters.ts'
import { Choice, type Due } from './choice.ts'
import type { WebhooksConfig } from './config.ts'
import { DeliveryLog } from './delivery-log.ts'
import { Dispatcher, type DispatcherParts } from './dispatcher.ts'
import type { EgressRules } from './egress/rules.ts'
import { type Answer, Sender } from './egress/sender.ts'
import { EndpointStore } from './endpoint-store.ts'
import { Envelopes } from './envelope.ts'
import { Keeper } from './keeper.ts'
import { Messages } from './messages.ts'
import { News } from './news.ts'
import { Outbox } from './outbox.ts'
import { Outcomes } from './outcomes.ts'
import { OwnerSecrets } from './owner-secrets.ts'
import { ReceiverStore } from './receiver-store.ts'
import { Recipients } from './recipients.ts'
import { redacted } from './redact.ts'
import { Relay } from './relay.ts'
import type { Verdict } from './retry.ts'
import { ed25519Key } from './signing/public-keys.ts'
import { SealedBox } from './signing/sealed-box.ts'

const secondMs = 1000

/** What the routes work with. */
export type Engine = ReturnType<typeof makeEngine>

/** Makes the parts. Nothing is sent before `start`. */
export function makeEngine(app: FastifyInstance, config: WebhooksConfig, rules: EgressRules) {
  const { db, secrets, jobs, telemetry, log } = app
  const box = new SealedBox(secrets.make('webhooks'))
  const ed25519 = ed25519Key(secrets.make('webhooks_ed25519'))
  const endpoints = new EndpointStore(db, box)
  const ownerSecrets = new OwnerSecrets(db, box)
  const receivers = new ReceiverStore(db)
  const outbox = new Outbox(db, receivers, config.order_wait_s * secondMs)
  const recipients = new Recipients(app, endpoints, receivers)
  const news = new News(db, recipients, outbox)
  const outcomes = new Outcomes(db, receivers, outbox)
  const source = config.public_url ?? 'urn:foreman'
  const waiters = new AttemptWaiters()
  telemetry.on('webhooksSettled', () => waiters.tell())
  const sender = senderOf(config, rules)
  const dispatcher = new Dispatcher({
    rules: dispatchRules(config),
    choice: new Choice(db, receivers, config.concurrency_per_receiver),
    ...{ outcomes, endpoints, log },
    envelopes: new Envelopes({ db, jobs, box, endpoints, ownerSecrets, ed25519, source }),
    send: async (envelope, signal) => redacted(await sender.send(envelope, signal), envelope),
    onAttempt: (due, answer, verdict) => attempted(due, answer, verdict),
    onRetired: (state, count) => telemetry.emit('webhooksSettled', state, count),
    onDisabled: endpoint => {
      log.warn({ endpoint: endpoint.id, reason: endpoint.disabledReason }, 'a webhook endpoint is disabled')
      if (news.disabled(endpoint)) dispatcher.wake()
    }
  })
  const attempted = (due: Due, answer: Answer, verdict: Verdict) => {
    const { delivery } = due
    telemetry.emit('webhookAttempt', answer.outcome, answer.durationMs)
    if (verdict.state === 'retrying') return
    telemetry.emit('webhooksSettled', verdict.state, 1)
    const now = Date.now()
    if (verdict.state === 'delivered') telemetry.emit('webhookDelivered', now - delivery.happenedAt)
    if (verdict.state === 'exhausted' && news.exhausted(due, answer, verdict, now)) dispatcher.wake()
  }
  const relay = new Relay({
    ...{ db, jobs, recipients, outbox, log },
    bus: app.jobEvents,
    messages: new Messages(db, app.jobObjects),
    onMade: superseded => {
      if (superseded > 0) telemetry.emit('webhooksSettled', 'superseded', superseded)
      dispatcher.wakeSoon()
    }
  })
  const keeping = { retentionMs: config.retention_s * secondMs, heldMs: config.held_s * secondMs }
  const keeper = new Keeper(db, keeping, log, count => telemetry.emit('webhooksSettled', 'exhausted', count))
  return {
    ...{ rules, box, ed25519, endpoints, ownerSecrets, news, dispatcher },
    ...{ receivers, outcomes, waiters },
    again: new Again(db, receivers),
    deliveries: new DeliveryLog(db),
    maxEndpoints: config.max_endpoints,
    start: () => {
      keeper.start()
      relay.start()
      dispatcher.start()
    },
    stop: async () => {
      waiters.close()
      relay.stop()
      keeper.close()
      await dispatcher.stop()
      await sender.close()
    }
  }
}

function senderOf(config: WebhooksConfig, rules: EgressRules): Sender {
  return new Sender({
    rules,
    timeoutMs: config.timeout_s * secondMs,
    connectTimeoutMs: config.connect_timeout_s * secondMs,
    userAgent: `Foreman-Webhooks/${packageJson.version}`,
    viaProxy: config.proxy_trusted === true
  })
}

function dispatchRules(config: WebhooksConfig): DispatcherParts['rules'] {
  return {
    concurrency: config.concurrency,
    schedule: config.retry_schedule_s.map(waitS => waitS * secondMs),
    circuitFailures: config.circuit_failures,
    circuitProbeMs: config.circuit_probe_s * secondMs,
    disableAfterMs: config.disable_after_s * secondMs
  }
}

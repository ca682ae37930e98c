/** The plugin's own series: how attempts and deliveries end, how late messages are, and what is still to be delivered. */
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram } from 'prom-client'
import { httpBuckets, longBuckets } from '../../core/buckets.ts'
import type { Outcome } from './egress/sender.ts'
import type { Engine } from './engine.ts'
import type { DeliveryState } from './retry.ts'

const secondMs = 1000

/** Every outcome, as a record so that none can be missing. */
const outcomes: Readonly<Record<Outcome, true>> = {
  '2xx': true,
  '3xx': true,
  '4xx': true,
  '410': true,
  '429': true,
  '5xx': true,
  timeout: true,
  dns: true,
  connect: true,
  tls: true,
  ssrf_blocked: true
}

/** How a delivery can end. One that is held has not: it may be replayed. */
const results: readonly DeliveryState[] = ['delivered', 'exhausted', 'superseded', 'refused']

/** Counts from here on, and looks at the rest at each scrape: one row, one index entry, and what is in memory. */
export function addSeries(app: FastifyInstance, engine: Pick<Engine, 'deliveries' | 'endpoints'>): void {
  addAttempts(app)
  addResults(app)
  addOpen(app, engine)
  addEndpoints(app, engine)
}

function addAttempts({ meters, telemetry }: FastifyInstance): void {
  const attempts = new Counter({
    name: 'foreman_webhook_attempts_total',
    help: 'Attempts to deliver a message, by what came of them.',
    labelNames: ['outcome'],
    registers: [meters]
  })
  const durations = new Histogram({
    name: 'foreman_webhook_attempt_duration_seconds',
    help: 'One attempt, to the end of the answer.',
    buckets: httpBuckets,
    registers: [meters]
  })
  for (const outcome of Object.keys(outcomes)) attempts.inc({ outcome }, 0)
  telemetry.on('webhookAttempt', (outcome, tookMs) => {
    attempts.inc({ outcome })
    durations.observe(tookMs / secondMs)
  })
}

function addResults({ meters, telemetry }: FastifyInstance): void {
  const ended = new Counter({
    name: 'foreman_webhook_deliveries_total',
    help: 'Deliveries that are over, by how they ended.',
    labelNames: ['result'],
    registers: [meters]
  })
  const lag = new Histogram({
    name: 'foreman_webhook_delivery_lag_seconds',
    help: 'From the event to the 2xx of a receiver.',
    buckets: longBuckets,
    registers: [meters]
  })
  for (const result of results) ended.inc({ result }, 0)
  telemetry.on('webhooksSettled', (state, count) => {
    if (results.includes(state)) ended.inc({ result: state }, count)
  })
  // An event may have happened in an earlier run, so this is by the clock of the machine, which may have been put back.
  telemetry.on('webhookDelivered', lagMs => lag.observe(Math.max(0, lagMs) / secondMs))
}

function addOpen({ meters }: FastifyInstance, { deliveries }: Pick<Engine, 'deliveries'>): void {
  new Gauge({
    name: 'foreman_webhook_pending',
    help: 'Deliveries that are to be tried, for the first time or again.',
    registers: [meters],
    collect() {
      this.set(deliveries.open())
    }
  })
  new Gauge({
    name: 'foreman_webhook_oldest_pending_age_seconds',
    help: 'Age of the oldest of them; 0 where there is none.',
    registers: [meters],
    collect() {
      const queuedAt = deliveries.oldestOpen()
      this.set(queuedAt === undefined ? 0 : Math.max(0, Date.now() - queuedAt) / secondMs)
    }
  })
}

function addEndpoints({ meters }: FastifyInstance, { endpoints }: Pick<Engine, 'endpoints'>): void {
  new Gauge({
    name: 'foreman_webhook_endpoints',
    help: 'Standing endpoints; nothing is sent to those that are disabled.',
    labelNames: ['state'],
    registers: [meters],
    collect() {
      const all = endpoints.list()
      const disabled = all.filter(({ disabledAt }) => disabledAt !== null).length
      this.set({ state: 'enabled' }, all.length - disabled)
      this.set({ state: 'disabled' }, disabled)
    }
  })
}

/** Series of the process: what is running, how it is, and how late its event loop comes. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics } from 'prom-client'
import packageJson from '../../package.json' with { type: 'json' }
import type { Series } from './series.ts'

const nanosecondS = 1e-9
/** How often the event loop is looked at: a wake-up each. */
const resolutionMs = 20

/** Gauges whose names prom-client ends as counters are: tools that read metrics object to them. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total'
]

/** Looks from here on, until the app is closed. */
export function addProcessSeries(app: FastifyInstance, series: Series): void {
  series
    .gauge({
      name: 'foreman_build_info',
      help: 'What is running; always 1.',
      labelNames: ['version', 'node_version', 'commit']
    })
    .set(
      {
        version: packageJson.version,
        node_version: process.version,
        commit: process.env.FOREMAN_COMMIT || 'unknown'
      },
      1
    )
  collectDefaultMetrics({ register: app.meters, eventLoopMonitoringPrecision: resolutionMs })
  for (const name of misnamed) app.meters.removeSingleMetric(name)
  addLoopLag(app, series)
}

function addLoopLag(app: FastifyInstance, series: Series): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  app.addHook('onClose', async () => void delay.disable())
  series.gauge({
    name: 'foreman_event_loop_lag_seconds',
    help: 'How late the event loop came since the last scrape: 99 of 100 times it was no later.',
    collect() {
      const lateNs = Math.max(0, delay.percentile(99) - resolutionMs * 1e6)
      this.set(delay.count === 0 ? 0 : lateNs * nanosecondS)
      delay.reset()
    }
  })
}

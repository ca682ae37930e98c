/** The plugin's own series: what idempotency keys caught. */
import type { FastifyInstance } from 'fastify'
import { Counter } from 'prom-client'

declare module '../../core/telemetry.ts' {
  interface Moments {
    /** A key came again: with the same request, or with another. */
    keyAgain: [result: 'replayed' | 'mismatch']
  }
}

/** Counts from here on. */
export function addSeries({ meters, telemetry }: FastifyInstance): void {
  const replays = new Counter({
    name: 'foreman_idempotent_replays_total',
    help: 'Requests whose idempotency key was known: with the same body (replayed) or another (mismatch).',
    labelNames: ['result'],
    registers: [meters]
  })
  for (const result of ['replayed', 'mismatch']) replays.inc({ result }, 0)
  telemetry.on('keyAgain', result => replays.inc({ result }))
}

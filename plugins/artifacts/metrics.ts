/** The plugin's own series: bytes that went in and out. */
import type { FastifyInstance } from 'fastify'
import { Counter } from 'prom-client'

declare module '../../core/telemetry.ts' {
  interface Moments {
    /** An upload was kept (`in`), or content sent (`out`). */
    artifactBytes: [direction: 'in' | 'out', bytes: number]
  }
}

/** Counts from here on. */
export function addSeries({ meters, telemetry }: FastifyInstance): void {
  const transferred = new Counter({
    name: 'foreman_artifact_transfer_bytes_total',
    help: 'Bytes of uploads (in) and of content that was fetched (out).',
    labelNames: ['direction'],
    registers: [meters]
  })
  for (const direction of ['in', 'out']) transferred.inc({ direction }, 0)
  telemetry.on('artifactBytes', (direction, bytes) => transferred.inc({ direction }, bytes))
}

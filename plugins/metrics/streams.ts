/** Series of those who follow jobs over connections that stay: how many, what they are told, and who cannot keep up. */
import type { FastifyInstance } from 'fastify'
import type { Moments, Transport } from '../../core/telemetry.ts'
import { type Series, startAtZero } from './series.ts'

const transport: readonly Transport[] = ['sse', 'ws', 'ndjson', 'longpoll']
// A long-poll is one answer: it is told no events, comes back to nothing and cannot be slow.
const streaming = transport.filter(one => one !== 'longpoll')
const result: readonly Moments['streamResumed'][1][] = ['replayed', 'gap', 'complete']
const action: readonly Moments['streamSlow'][1][] = ['pull', 'closed']

/** Counts from here on. */
export function addStreamSeries({ telemetry, settings }: FastifyInstance, series: Series): void {
  const connections = series.gauge({
    name: 'foreman_stream_connections',
    help: 'Connections that follow jobs; longpoll: requests that wait for one.',
    labelNames: ['transport']
  })
  for (const one of transport) connections.set({ transport: one }, 0)
  telemetry.on('streams', (transport, change) => connections.inc({ transport }, change))
  series
    .gauge({ name: 'foreman_stream_capacity', help: 'Streams that may be open (limits.max_streams).' })
    .set(settings.limits.max_streams)
  countEvents({ telemetry }, series)
}

function countEvents({ telemetry }: Pick<FastifyInstance, 'telemetry'>, series: Series): void {
  const sent = series.counter({
    name: 'foreman_stream_events_sent_total',
    help: 'Events that were handed to streams.',
    labelNames: ['transport']
  })
  const resumes = series.counter({
    name: 'foreman_stream_resumes_total',
    help: 'Followers that came back, by what they found.',
    labelNames: ['transport', 'result']
  })
  const slow = series.counter({
    name: 'foreman_stream_slow_consumers_total',
    help: 'Followers that did not keep up, by what was done.',
    labelNames: ['transport', 'action']
  })
  startAtZero(sent, { transport: streaming })
  startAtZero(resumes, { transport: streaming, result })
  startAtZero(slow, { transport: streaming, action })
  telemetry.on('streamEvents', (transport, count) => sent.inc({ transport }, count))
  telemetry.on('streamResumed', (transport, result) => resumes.inc({ transport, result }))
  telemetry.on('streamSlow', (transport, action) => slow.inc({ transport, action }))
}

/** Row 5: what callers hand in and fetch, and how they follow their jobs. */
import type { Draft } from '../panels.ts'
import { graph } from '../panels.ts'
import { perMinute, rate, series } from '../promql.ts'

export const delivery: readonly Draft[] = [
  graph({
    title: 'Artifacts',
    description: 'Uploads and results that are kept, in bytes. They go with their jobs.',
    unit: 'bytes',
    min: 0,
    queries: [['stored', series('foreman_artifact_stored_bytes')]]
  }),
  graph({
    title: 'Number of artifacts',
    description: 'Uploads and results that are kept.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [['artifacts', series('foreman_artifacts')]]
  }),
  graph({
    title: 'Bytes of artifacts',
    description: 'A second. In: uploaded. Out: downloaded.',
    unit: 'Bps',
    min: 0,
    queries: [['{{direction}}', rate(series('foreman_artifact_transfer_bytes_total'), 'direction')]]
  }),
  graph({
    title: 'Streams',
    description:
      'Connections that follow jobs, and requests that wait for one (longpoll). At limits.max_streams further ones are refused.',
    unit: 'short',
    min: 0,
    decimals: 0,
    width: 6,
    queries: [
      ['{{transport}}', series('foreman_stream_connections')],
      ['most', series('foreman_stream_capacity')]
    ]
  }),
  graph({
    title: 'Events sent',
    description: 'Handed to streams, a second. It grows with jobs and with followers.',
    unit: 'cps',
    min: 0,
    width: 6,
    queries: [['{{transport}}', rate(series('foreman_stream_events_sent_total'), 'transport')]]
  }),
  graph({
    title: 'Followers that came back',
    description:
      'A minute. Replayed: got what it had missed. Complete: had missed nothing. Gap: something was folded up or removed meanwhile; many of those stay away for too long.',
    unit: 'short',
    min: 0,
    width: 6,
    queries: [
      ['{{transport}}, {{result}}', perMinute(series('foreman_stream_resumes_total'), 'transport, result')]
    ]
  }),
  graph({
    title: 'Slow followers',
    description:
      'A minute. Pull: it reads the log at its own pace, which costs nobody anything. Closed: it took nothing for so long that its connection was closed.',
    unit: 'short',
    min: 0,
    width: 6,
    queries: [
      [
        '{{transport}}, {{action}}',
        perMinute(series('foreman_stream_slow_consumers_total'), 'transport, action')
      ]
    ]
  })
]

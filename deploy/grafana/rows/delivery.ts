/** Row 5: what callers hand in and fetch, how they follow their jobs, and how others are told of them. */
import type { Draft } from '../panels.ts'
import { graph } from '../panels.ts'
import { perMinute, quantile, rate, series } from '../promql.ts'

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
  }),
  graph({
    title: 'Attempts of webhooks',
    description:
      'A minute, by what came of them. 2xx: taken. ssrf_blocked: the URL led where foreman does not send. The others are the receiver, or the way to it.',
    unit: 'short',
    min: 0,
    queries: [['{{outcome}}', perMinute(series('foreman_webhook_attempts_total'), 'outcome')]]
  }),
  graph({
    title: 'Webhooks that are over',
    description:
      'A minute. Superseded: it had failed, and the end of its job is told instead. Exhausted and refused: nobody was told, and somebody should look at GET /webhook-deliveries.',
    unit: 'short',
    min: 0,
    queries: [['{{result}}', perMinute(series('foreman_webhook_deliveries_total'), 'result')]]
  }),
  graph({
    title: 'How late webhooks are',
    description:
      'Lag: from the event to the 2xx, attempts that failed included; seconds are usual. Attempt: one request; near plugins.webhooks.timeout_s a receiver hangs.',
    unit: 's',
    min: 0,
    queries: [
      ['lag p50', quantile(0.5, series('foreman_webhook_delivery_lag_seconds'))],
      ['lag p95', quantile(0.95, series('foreman_webhook_delivery_lag_seconds'))],
      ['attempt p95', quantile(0.95, series('foreman_webhook_attempt_duration_seconds'))]
    ]
  }),
  graph({
    title: 'Webhooks to be delivered',
    description:
      'Messages that wait for their first attempt or for the next. It falls by itself when the receiver is back.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [['pending', series('foreman_webhook_pending')]]
  }),
  graph({
    title: 'Oldest webhook to be delivered',
    description:
      'Its age. Above the line a receiver has been away for an hour; after three days foreman gives up.',
    unit: 's',
    min: 0,
    showsThresholds: true,
    thresholds: [
      { color: 'green', value: null },
      { color: 'orange', value: 3600 }
    ],
    queries: [['age', series('foreman_webhook_oldest_pending_age_seconds')]]
  }),
  graph({
    title: 'Webhook endpoints',
    description:
      'Standing ones. Nothing is sent to those that are disabled: their owners mend the receiver, enable them and replay what was held.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [['{{state}}', series('foreman_webhook_endpoints')]]
  })
]

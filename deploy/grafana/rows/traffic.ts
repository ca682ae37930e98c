/** Row 2: what comes in, and what becomes of it. */
import type { Draft } from '../panels.ts'
import { graph } from '../panels.ts'
import { ofModel, perMinute, quantile, rate, series } from '../promql.ts'

export const traffic: readonly Draft[] = [
  graph({
    title: 'Jobs created and finished',
    description: 'A minute, by outcome. In the long run what is created is what is finished.',
    unit: 'short',
    min: 0,
    queries: [
      ['created', perMinute(ofModel('foreman_jobs_created_total'))],
      ['{{outcome}}', perMinute(ofModel('foreman_jobs_finished_total'), 'outcome')]
    ]
  }),
  graph({
    title: 'Jobs created, by kind and class',
    description:
      'A minute. Who has the box: people (interactive), programs (normal), or work for the night (batch).',
    unit: 'short',
    min: 0,
    stacked: 'normal',
    queries: [['{{priority}} {{kind}}', perMinute(ofModel('foreman_jobs_created_total'), 'priority, kind')]]
  }),
  graph({
    title: 'Jobs created, by model',
    description: 'A minute. Beyond twenty models the rest is "other".',
    unit: 'short',
    min: 0,
    stacked: 'normal',
    queries: [['{{model}}', perMinute(ofModel('foreman_jobs_created_total'), 'model')]]
  }),
  graph({
    title: 'Refused requests',
    description:
      'A minute, by reason: a full queue or disk needs the operator, the rest is for the caller to mend.',
    unit: 'short',
    min: 0,
    queries: [['{{reason}}', perMinute(series('foreman_http_rejections_total'), 'reason')]]
  }),
  graph({
    title: 'Failed logins',
    description:
      'A minute, by reason. Many of "unknown" or "malformed": somebody guesses, or a client has an old token.',
    unit: 'short',
    min: 0,
    queries: [['{{reason}}', perMinute(series('foreman_auth_failures_total'), 'reason')]]
  }),
  graph({
    title: 'Why jobs failed',
    description: 'Final failures a minute, by error code. docs/errors.md says what each means.',
    unit: 'short',
    min: 0,
    queries: [['{{error_code}}', perMinute(ofModel('foreman_job_errors_total'), 'error_code')]]
  }),
  graph({
    title: 'HTTP requests',
    description: 'A second, by status.',
    unit: 'reqps',
    min: 0,
    stacked: 'normal',
    queries: [['{{code}}', rate(series('foreman_http_requests_total'), 'code')]]
  }),
  graph({
    title: 'HTTP p95, by route',
    description:
      'Time to answer of what foreman answers itself. Answers of the target and waiting calls are in the rows below.',
    unit: 's',
    min: 0,
    queries: [
      [
        '{{method}} {{route}}',
        quantile(0.95, series('foreman_http_request_duration_seconds'), 'method, route')
      ]
    ]
  }),
  graph({
    title: 'Repeated submissions',
    description:
      'A minute. Replayed: an Idempotency-Key came again, and its job was shown. Mismatch: with another body, refused.',
    unit: 'short',
    min: 0,
    queries: [['{{result}}', perMinute(series('foreman_idempotent_replays_total'), 'result')]]
  })
]

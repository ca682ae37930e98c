/** Row 3: who waits, and what the schedule makes of it. */
import type { Draft } from '../panels.ts'
import { graph } from '../panels.ts'
import { ofModel, perMinute, quantile, rate, series, sum } from '../promql.ts'

const wait = series('foreman_job_queue_wait_seconds')
const perHour = (counter: string) => `3600 * ${rate(counter)}`
const phase = (name: string) => rate(series('foreman_llm_phase_seconds_total', `phase="${name}"`))
const running = rate(series('foreman_job_run_duration_seconds_sum'))
const computing = rate(series('foreman_llm_phase_seconds_total', 'phase=~"prompt_eval|generation"'))
const withinP90 = rate(series('foreman_eta_jobs_total', 'result="within_p90"'))

export const queue: readonly Draft[] = [
  graph({
    title: 'Jobs waiting, by class',
    description: 'Those that may run now.',
    unit: 'short',
    min: 0,
    stacked: 'normal',
    queries: [['{{priority}}', sum(series('foreman_queue_jobs', 'state="queued"'), 'priority')]]
  }),
  graph({
    title: 'Jobs by state',
    description: 'All that have not ended. Delayed: a retry or not_before is later.',
    unit: 'short',
    min: 0,
    stacked: 'normal',
    queries: [['{{state}}', sum(series('foreman_queue_jobs'), 'state')]]
  }),
  graph({
    title: 'Room in the queue',
    description: 'Waiting jobs as a part of queue.max_queued. At 100 % jobs are refused with queue_full.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    thresholds: [
      { color: 'green', value: null },
      { color: 'orange', value: 0.8 },
      { color: 'red', value: 1 }
    ],
    showsThresholds: true,
    queries: [
      [
        'used',
        `${sum(series('foreman_queue_jobs', 'state=~"queued|delayed"'))} / ${sum(series('foreman_queue_capacity_jobs'))}`
      ]
    ]
  }),
  graph({
    title: 'Wait in the queue',
    description: 'From the time a job may run to the start of its attempt, of all jobs that started.',
    unit: 's',
    min: 0,
    queries: [
      ['p50', quantile(0.5, wait)],
      ['p95', quantile(0.95, wait)],
      ['p99', quantile(0.99, wait)]
    ]
  }),
  graph({
    title: 'Wait in the queue, p95 by class',
    description: 'People should wait seconds, programs minutes, and work for the night as long as it takes.',
    unit: 's',
    min: 0,
    queries: [['{{priority}}', quantile(0.95, wait, 'priority')]]
  }),
  graph({
    title: 'Oldest waiting job',
    description:
      'Its age by class, and the patience of the class. Above twice the patience for 10 minutes is an alert.',
    unit: 's',
    min: 0,
    queries: [
      ['{{priority}}', series('foreman_queue_oldest_job_age_seconds')],
      ['patience of {{priority}}', series('foreman_queue_patience_seconds')]
    ]
  }),
  graph({
    title: "Where the GPU's time went",
    description:
      'Load: swapping models. Prompt: reading prompts. Generation: making tokens. Other: on the target, but neither, as it says itself. Told when a run ends, so a long one shows late. Embedding calls that pass by the queue are not in it.',
    unit: 'percentunit',
    min: 0,
    stacked: 'percent',
    queries: [
      ['load', phase('load')],
      ['prompt', phase('prompt_eval')],
      ['generation', phase('generation')],
      ['other', `clamp_min(${running} - ${computing}, 0)`],
      ['idle', `clamp_min(1 - ${running} - ${phase('load')}, 0)`]
    ]
  }),
  graph({
    title: 'Worker busy',
    description: 'Share of the time in which a job was on the target or a model was loaded for one.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    queries: [['busy', `avg_over_time(${series('foreman_worker_busy')}[$__rate_interval])`]]
  }),
  graph({
    title: 'Loads, and those of arrival order',
    description:
      'An hour. What the schedule loaded, and what first come, first served would have loaded on the same arrivals.',
    unit: 'short',
    min: 0,
    queries: [
      ['this schedule', perHour(series('foreman_swap_loads_total'))],
      ['arrival order', perHour(series('foreman_swap_arrival_order_loads_total'))]
    ]
  }),
  graph({
    title: 'Time loading, and that of arrival order',
    description:
      'Seconds of loading in a second. Between the lines is what the schedule saves; above 1 arrival order could not keep up.',
    unit: 'percentunit',
    min: 0,
    queries: [
      ['this schedule', rate(series('foreman_swap_load_seconds_total'))],
      ['arrival order', rate(series('foreman_swap_arrival_order_load_seconds_total'))]
    ]
  }),
  graph({
    title: 'Estimates kept',
    description:
      'Of the jobs that were told when they would start at the latest (p90), those that did. Nine of ten is what is meant.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    thresholds: [
      { color: 'orange', value: null },
      { color: 'green', value: 0.9 }
    ],
    showsThresholds: true,
    queries: [['started in time', `${withinP90} / (${rate(series('foreman_eta_jobs_total'))} > 0)`]]
  }),
  graph({
    title: 'Attempts',
    description: 'A minute, by how they ended. Retryable ones are tried again.',
    unit: 'short',
    min: 0,
    stacked: 'normal',
    queries: [['{{result}}', perMinute(ofModel('foreman_job_attempts_total'), 'result')]]
  }),
  graph({
    title: 'Whole time of a job',
    description: 'From its arrival to its end, p50 and p95 of those that ended well, by kind.',
    unit: 's',
    min: 0,
    queries: [
      ['{{kind}} p50', quantile(0.5, series('foreman_job_duration_seconds', 'outcome="done"'), 'kind')],
      ['{{kind}} p95', quantile(0.95, series('foreman_job_duration_seconds', 'outcome="done"'), 'kind')]
    ]
  }),
  graph({
    title: 'One attempt',
    description: 'On the target, p50 and p95, by model.',
    unit: 's',
    min: 0,
    queries: [
      ['{{model}} p50', quantile(0.5, ofModel('foreman_job_run_duration_seconds'), 'model')],
      ['{{model}} p95', quantile(0.95, ofModel('foreman_job_run_duration_seconds'), 'model')]
    ]
  }),
  graph({
    title: 'Canceling',
    description: 'From the request to the end, p95. Long: the target did not let go.',
    unit: 's',
    min: 0,
    queries: [['p95', quantile(0.95, series('foreman_job_cancel_latency_seconds'))]]
  }),
  graph({
    title: 'Embeddings beside the worker',
    description: 'Calls to the model that is kept loaded for them, and how many there may be at a time.',
    unit: 'short',
    min: 0,
    queries: [
      ['running', series('foreman_embed_running')],
      ['most', series('foreman_embed_concurrency')]
    ]
  }),
  graph({
    title: 'The embedding model',
    description:
      'Its state. does_not_hold: the target does not keep it beside another model, so embeddings wait as all jobs do.',
    unit: 'short',
    min: 0,
    max: 1,
    queries: [['{{state}}', series('foreman_embed_slot')]]
  })
]

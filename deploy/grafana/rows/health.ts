/** Row 1: is it well? One look tells. */
import type { Draft } from '../panels.ts'
import { stat } from '../panels.ts'
import { perMinute, series, sum } from '../promql.ts'

const bad = { color: 'red', value: null }
const good = (value: number) => ({ color: 'green', value })
const fromGreen = (orange: number, red: number) => [
  { color: 'green', value: null },
  { color: 'orange', value: orange },
  { color: 'red', value: red }
]

const failed = sum(`increase(${series('foreman_jobs_finished_total', 'outcome="failed"')}[10m])`)
const finished = sum(`increase(${series('foreman_jobs_finished_total')}[10m])`)
const oldest = `max(${series('foreman_queue_oldest_job_age_seconds')})`

export const health: readonly Draft[] = [
  stat({
    title: 'Target',
    description: 'Whether Ollama answers. While it is away jobs are accepted and wait.',
    unit: 'short',
    queries: [['target', series('foreman_target_up')]],
    texts: { 1: ['up', 'green'], 0: ['away', 'red'] }
  }),
  stat({
    title: 'Ready',
    description: 'Whether foreman accepts jobs that must be kept, as GET /readyz says.',
    unit: 'short',
    queries: [['ready', series('foreman_ready')]],
    texts: { 1: ['yes', 'green'], 0: ['no', 'red'] }
  }),
  stat({
    title: 'Queue',
    description: 'Paused: nothing is started. Draining: nothing is accepted. POST /queue/resume ends both.',
    unit: 'short',
    queries: [['queue', `${series('foreman_queue_paused')} + 2 * ${series('foreman_queue_draining')}`]],
    texts: {
      0: ['runs', 'green'],
      1: ['paused', 'orange'],
      2: ['draining', 'orange'],
      3: ['paused, draining', 'orange']
    }
  }),
  stat({
    title: 'Failed jobs, 10 min',
    description: 'Of the jobs that ended, those that failed. Above 10 % for 10 minutes is an alert.',
    unit: 'percentunit',
    decimals: 1,
    queries: [['failed', `${failed} / (${finished} > 0) or vector(0)`]],
    thresholds: fromGreen(0.02, 0.1)
  }),
  stat({
    title: 'Oldest waiting job',
    description: 'Age of the oldest job that may run, of any class.',
    unit: 's',
    queries: [['age', oldest]],
    thresholds: fromGreen(600, 3600)
  }),
  stat({
    title: 'Disk free',
    description:
      'Of the disk of data_dir. Below 10 % is an alert; below queue.min_free_bytes jobs are refused.',
    unit: 'percentunit',
    decimals: 0,
    queries: [['free', `${series('foreman_store_free_bytes')} / ${series('foreman_store_total_bytes')}`]],
    thresholds: [bad, { color: 'orange', value: 0.1 }, good(0.2)],
    min: 0,
    max: 1
  }),
  stat({
    title: 'Jobs waiting',
    description: 'Queued jobs, those with a later time too.',
    unit: 'short',
    queries: [['waiting', sum(series('foreman_queue_jobs', 'state=~"queued|delayed"'))]]
  }),
  stat({
    title: 'Worker',
    description: 'Whether a job is on the target now, or a model is being loaded for one.',
    unit: 'short',
    queries: [['worker', series('foreman_worker_busy')]],
    texts: { 1: ['busy', 'green'], 0: ['idle', 'blue'] }
  }),
  stat({
    title: 'Jobs done a minute',
    description: 'Jobs that ended well.',
    unit: 'short',
    decimals: 1,
    queries: [['done', perMinute(series('foreman_jobs_finished_total', 'outcome="done"'))]]
  }),
  stat({
    title: 'Found at the last start',
    description:
      'Jobs that were unfinished when foreman started. After a stop in good order there are none; after a crash they were put right.',
    unit: 'short',
    queries: [['recovered', sum(series('foreman_jobs_recovered_total'))]],
    thresholds: [
      { color: 'green', value: null },
      { color: 'orange', value: 1 }
    ]
  }),
  stat({
    title: 'Up since',
    description: 'Time since the process started.',
    unit: 's',
    queries: [['up', `time() - ${series('process_start_time_seconds')}`]],
    thresholds: [{ color: 'orange', value: null }, good(300)]
  }),
  stat({
    title: 'Version',
    description: 'Of foreman, the commit it was built from, and Node.',
    unit: 'short',
    queries: [['{{version}} {{commit}} ({{node_version}})', series('foreman_build_info')]],
    showsLegend: true
  })
]

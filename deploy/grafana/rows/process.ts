/** Row 6: the process and its store. */
import type { Draft } from '../panels.ts'
import { graph } from '../panels.ts'
import { perMinute, quantile, rate, series } from '../promql.ts'

const commit = series('foreman_store_commit_duration_seconds')

export const process: readonly Draft[] = [
  graph({
    title: 'Size of the store',
    description:
      'The database, its log, and the files of larger artifacts. Together they are held below queue.max_bytes.',
    unit: 'bytes',
    min: 0,
    stacked: 'normal',
    queries: [['{{part}}', series('foreman_store_size_bytes')]]
  }),
  graph({
    title: 'Disk',
    description: 'Free bytes on the disk of data_dir, and its size.',
    unit: 'bytes',
    min: 0,
    queries: [
      ['free', series('foreman_store_free_bytes')],
      ['size', series('foreman_store_total_bytes')]
    ]
  }),
  graph({
    title: 'Commits',
    description:
      'Time until the disk has what was written. Each accepted job waits for one; above 0.25 s is an alert.',
    unit: 's',
    min: 0,
    queries: [
      ['p50', quantile(0.5, commit)],
      ['p99', quantile(0.99, commit)]
    ]
  }),
  graph({
    title: 'Lag of the event loop',
    description: 'How late the process gets to what is next. Above 0.1 s callers notice.',
    unit: 's',
    min: 0,
    queries: [['lag', series('foreman_event_loop_lag_seconds')]]
  }),
  graph({
    title: 'Memory',
    description: 'Of the process, and of it the heap of JavaScript.',
    unit: 'bytes',
    min: 0,
    queries: [
      ['resident', series('process_resident_memory_bytes')],
      ['heap', series('nodejs_heap_size_used_bytes')]
    ]
  }),
  graph({
    title: 'Processor',
    description: 'Cores in use. 1 is a whole one.',
    unit: 'short',
    min: 0,
    queries: [['cores', rate(series('process_cpu_seconds_total'))]]
  }),
  graph({
    title: 'Cleared away',
    description: 'Rows and files a minute whose time was over.',
    unit: 'short',
    min: 0,
    queries: [['{{object}}', perMinute(series('foreman_gc_deleted_total'), 'object')]]
  })
]

/** Row 5: what callers hand in and fetch. */
import type { Draft } from '../panels.ts'
import { graph } from '../panels.ts'
import { rate, series } from '../promql.ts'

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
  })
]

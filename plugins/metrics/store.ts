/** Series of the data directory: sizes, room, commits, and what was removed. */
import type { FastifyInstance } from 'fastify'
import { commitBuckets } from '../../core/buckets.ts'
import type { Series } from './series.ts'

const secondMs = 1000

/** Counts from here on, and looks at sizes at each scrape. */
export function addStoreSeries(app: FastifyInstance, series: Series): void {
  addSizes(app, series)
  addArtifacts(app, series)
  const commits = series.histogram({
    name: 'foreman_store_commit_duration_seconds',
    help: 'One transaction that accepts or moves jobs.',
    buckets: commitBuckets
  })
  app.telemetry.on('commit', tookMs => commits.observe(tookMs / secondMs))
  const removed = series.counter({
    name: 'foreman_gc_deleted_total',
    help: 'What was removed after its time: ended jobs, uploads that no job uses, tombstones of removed jobs.',
    labelNames: ['object']
  })
  for (const object of ['job', 'upload', 'tombstone']) removed.inc({ object }, 0)
  app.telemetry.on('removed', (object, count) => removed.inc({ object }, count))
}

function addSizes({ disk }: FastifyInstance, series: Series): void {
  series.gauge({
    name: 'foreman_store_size_bytes',
    help: 'What the data directory takes: pages of the database in use, its log, files of artifacts.',
    labelNames: ['part'],
    collect() {
      for (const [part, bytes] of Object.entries(disk.parts())) this.set({ part }, bytes)
    }
  })
  series.gauge({
    name: 'foreman_store_free_bytes',
    help: 'Room that is left to foreman on the disk of the data directory.',
    collect() {
      this.set(disk.space().freeBytes)
    }
  })
  series.gauge({
    name: 'foreman_store_total_bytes',
    help: 'Size of the disk of the data directory.',
    collect() {
      this.set(disk.space().totalBytes)
    }
  })
}

function addArtifacts({ jobs }: FastifyInstance, series: Series): void {
  series.gauge({
    name: 'foreman_artifacts',
    help: 'Results and uploads that are kept.',
    collect() {
      this.set(jobs.artifacts.total().artifacts)
    }
  })
  series.gauge({
    name: 'foreman_artifact_stored_bytes',
    help: 'Their size. Equal bytes are stored once and count each time.',
    collect() {
      this.set(jobs.artifacts.total().storedBytes)
    }
  })
}

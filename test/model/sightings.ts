/** Everything that any view ever said of a job. Two views that show the same version must say the same. */
import assert from 'node:assert/strict'
import type { JobState } from '../../core/jobs/states.ts'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'

// Written down once more, so that a slip in the table of the sources is seen.
const arrows: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['loading', 'working', 'canceled', 'expired', 'failed'],
  loading: ['working', 'queued', 'canceling', 'failed'],
  working: ['done', 'queued', 'canceling', 'failed'],
  canceling: ['canceled'],
  done: [],
  failed: [],
  canceled: [],
  expired: []
}

/** Whether the state is one that a job never leaves. */
export const isEnd = (state: JobState): boolean => arrows[state].length === 0

type Seen = Pick<
  JobObject,
  'state' | 'previous_state' | 'seq' | 'attempt' | 'started_at' | 'finished_at' | 'error'
>

/** By job and version. */
export class Sightings {
  readonly #seen = new Map<string, Map<number, { seen: Seen; view: string }>>()

  /** Notes a job as `view` shows it. @throws {AssertionError} where that contradicts another sighting */
  see(view: string, job: JobObject): void {
    const versions = this.#seen.get(job.id) ?? new Map()
    this.#seen.set(job.id, versions)
    const seen = essenceOf(job)
    const before = versions.get(job.version)
    if (before !== undefined) assert.deepEqual(seen, before.seen, `${view} against ${before.view}: ${job.id}`)
    versions.set(job.version, { seen, view })
    assertStory(job.id, versions)
  }

  /** The highest version that was seen of a job; 0 where it never was. */
  latest(id: string): number {
    return Math.max(0, ...(this.#seen.get(id)?.keys() ?? []))
  }
}

function essenceOf(job: JobObject): Seen {
  const { state, previous_state, seq, attempt, started_at, finished_at, error } = job
  return { state, previous_state, seq, attempt, started_at, finished_at, error }
}

/** Versions in their order: arrows of the table, numbers that only grow, and nothing after an end. */
function assertStory(id: string, versions: ReadonlyMap<number, { readonly seen: Seen }>): void {
  const story = [...versions].sort(([a], [b]) => a - b)
  for (const [index, [version, { seen }]] of story.entries()) {
    const from = seen.previous_state
    assert.ok(
      from === null ? seen.state === 'queued' : arrows[from].includes(seen.state),
      `${id}: ${from} → ${seen.state}`
    )
    const [earlier, { seen: old }] = story[index - 1] ?? [0, { seen: undefined as Seen | undefined }]
    if (old === undefined) continue
    assert.ok(!isEnd(old.state), `${id} was ${old.state} at ${earlier} and is ${seen.state} at ${version}`)
    assert.ok(seen.seq > old.seq && seen.attempt >= old.attempt - 1, `${id}: ${JSON.stringify([old, seen])}`)
    if (earlier === version - 1) assert.equal(from, old.state, `${id} at ${version}`)
  }
}

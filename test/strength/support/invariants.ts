/**
 * What must hold of every store at every time, whatever happened to the process that wrote it.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { hasEnded, type JobState } from '../../../core/jobs/states.ts'

interface Row {
  readonly seq: number
  readonly id: string
  readonly state: JobState
  readonly eventSeq: number
  readonly version: number
}

interface Entry {
  /** It stands for the events from here on. */
  readonly firstSeq: number
  readonly seq: number
  readonly type: string
}

const entriesOf = `SELECT seq AS firstSeq, seq, type FROM event WHERE job_seq = @seq
  UNION ALL SELECT first_seq, seq, 'job.output' FROM output WHERE job_seq = @seq ORDER BY seq`

/** Runs `read` on the database of a data directory, beside a foreman that may be writing. */
export function reading<T>(dataDir: string, read: (db: Database.Database) => T): T {
  const db = new Database(join(dataDir, 'foreman.db'), { readonly: true })
  try {
    return read(db)
  } finally {
    db.close()
  }
}

/**
 * Holds every job against its events: counted from 1 without a gap, one end at most and nothing after it, the last
 * event telling the state, and the database itself sound.
 */
export function assertWhole(dataDir: string): void {
  reading(dataDir, db => {
    // One snapshot: the process may go on writing between two reads.
    db.transaction(() => {
      assert.equal(db.pragma('quick_check', { simple: true }), 'ok')
      const entries = db.prepare(entriesOf)
      const jobs = db.prepare('SELECT seq, id, state, event_seq AS eventSeq, version FROM job').all()
      for (const job of jobs as Row[]) assertStory(job, entries.all({ seq: job.seq }) as Entry[])
    })()
  })
}

function assertStory(job: Row, story: readonly Entry[]): void {
  const told = `${job.id}: ${story.map(({ seq, type }) => `${seq} ${type}`).join(', ')}`
  assert.deepEqual(
    story.map(({ firstSeq }) => firstSeq),
    story.map((_, index) => (story[index - 1]?.seq ?? 0) + 1),
    `gap in ${told}`
  )
  assert.equal(story.at(-1)!.seq, job.eventSeq, `event_seq of ${told}`)
  const states = story.filter(({ type }) => !type.startsWith('job.output')).map(({ type }) => stateOf(type))
  assert.equal(states.at(-1), job.state, `state of ${told}`)
  const ends = states.filter(hasEnded)
  assert.equal(ends.length, hasEnded(job.state) ? 1 : 0, `ends of ${told}`)
}

function stateOf(type: string): JobState {
  return type === 'job.retrying' ? 'queued' : (type.slice('job.'.length) as JobState)
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { soleCaller } from '../../../core/access/caller.ts'
import type { Job } from '../../../core/jobs/job.ts'
import type { Acceptance } from '../../../core/jobs/store.ts'
import type { Submission } from '../../../core/queue/job-queue.ts'
import { SharedCommits } from '../../../core/queue/shared-commits.ts'
import { newJob } from '../jobs/fixtures.ts'

/** Commits that are only noted. A job whose model is `bad` is not taken. */
function open() {
  const commits: string[][] = []
  const commit = (jobs: readonly Submission[]): Acceptance[] => {
    commits.push(jobs.map(({ model }) => model))
    return jobs.map(({ model }) =>
      model === 'bad' ? { error: new Error(model) } : { job: { id: model } as Job }
    )
  }
  const shared = new SharedCommits(commit)
  return { commits, add: (model: string) => shared.add({ ...newJob({ model }), caller: soleCaller }) }
}

test('what arrives in one turn of the event loop shares a commit, and each gets its own outcome', async () => {
  const { commits, add } = open()
  const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map(add))
  assert.deepEqual(commits, [['a', 'bad', 'c']])
  assert.deepEqual(
    outcomes.map(outcome => (outcome.status === 'fulfilled' ? outcome.value.id : String(outcome.reason))),
    ['a', 'Error: bad', 'c']
  )
})

test('what arrives later, or while answers are given, is of the next commit', async () => {
  const { commits, add } = open()
  const first = add('a').then(() => add('b'))
  await first
  await add('c')
  assert.deepEqual(commits, [['a'], ['b'], ['c']])
})

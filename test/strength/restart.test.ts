/** Foreman is killed at a bad moment and started again on the same directory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventLog } from '../../core/jobs/event-log.ts'
import { isStateEvent } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { FakeEventType } from '../fake-ollama/start.ts'
import { temporaryDir } from '../helpers/foreman.ts'
import { assertWhole, reading } from './support/invariants.ts'
import { newJob } from './support/jobs.ts'
import { jobAt, leftIn, seed, startProcess, submitTo } from './support/process.ts'
import { assertOneAtATime, chat, startFake } from './support/rig.ts'

/** What became of a job, in its order. */
function story(dataDir: string, job: Job): string[] {
  return reading(dataDir, db => {
    const states = new EventLog(db).story(job).filter(isStateEvent)
    return states.map(({ type }) => type.slice('job.'.length))
  })
}

test('killed with jobs at work and waiting: durable ones come back and finish, callers are cut off', async t => {
  const fake = await startFake(t, { token_delay_ms: 50, token_count: 100 })
  const dataDir = temporaryDir(t)
  const first = await startProcess(t, { target: fake.url, dataDir })
  const ids = await submitTo(first.url, {}, {}, { model: 'beta' })
  await jobAt(first.url, ids[0]!, 'working')
  await fake.waitFor('generation_start')
  const caller = chat(first.url)
  const waiting = await attachedJob(dataDir)
  await first.kill()
  assert.deepEqual(await caller, { broke: true })

  await fake.configure({ token_delay_ms: 0 })
  const second = await startProcess(t, { target: fake.url, dataDir })
  const jobs = await Promise.all(ids.map(id => jobAt(second.url, id)))
  assert.deepEqual(
    jobs.map(({ state, attempt }) => [state, attempt]),
    [
      ['done', 2],
      ['done', 1],
      ['done', 1]
    ]
  )
  const cut = await jobAt(second.url, waiting)
  assert.deepEqual([cut.state, cut.error?.code, cut.attempt], ['failed', 'interrupted', 0])
  assert.deepEqual(story(dataDir, jobs[0]!), ['queued', 'loading', 'working', 'retrying', 'working', 'done'])
  assertWhole(dataDir)
  await assertOneAtATime(fake)
})

/** The id of the one attached job of the store, once it is there. */
async function attachedJob(dataDir: string): Promise<string> {
  for (;;) {
    const id = reading(dataDir, db => db.prepare('SELECT id FROM job WHERE attached = 1').pluck().get())
    if (id !== undefined) return id as string
    await new Promise(setImmediate)
  }
}

const instants: readonly [string, FakeEventType, number][] = [
  ['as the old runner is unloaded', 'unload', 1],
  ['as the new runner begins to load', 'load_start', 2],
  ['as the new runner is loaded', 'load', 2],
  ['as the target begins to compute', 'generation_start', 2],
  ['as the target has computed', 'generation_end', 2]
]

for (const [name, event, count] of instants) {
  test(`killed ${name}: the job is done after the restart, once`, async t => {
    const fake = await startFake(t, { load_delay_ms: 20, token_delay_ms: 2 })
    const dataDir = temporaryDir(t)
    const first = await startProcess(t, { target: fake.url, dataDir })
    const ids = await submitTo(first.url, {}, { model: 'beta' }, { model: 'beta' })
    await fake.waitFor(event, count)
    await first.kill()
    const second = await startProcess(t, { target: fake.url, dataDir })
    const jobs = await Promise.all(ids.map(id => jobAt(second.url, id)))
    for (const { state, attempt } of jobs) {
      assert.equal(state, 'done')
      assert.ok(attempt <= 2)
    }
    assertWhole(dataDir)
    await assertOneAtATime(fake)
  })
}

test('what a dead process left: canceling ends, used-up attempts fail, callers are gone', async t => {
  const fake = await startFake(t)
  const dataDir = temporaryDir(t)
  const left = seed(dataDir, store => ({
    canceling: leftIn(store, 'canceling'),
    usedUp: leftIn(store, 'working', { maxAttempts: 3, attempt: 3 }),
    loading: leftIn(store, 'loading', { maxAttempts: 3, attempt: 2 }),
    attached: leftIn(store, 'working', { attached: true, maxAttempts: 1 }),
    delayed: store.accept([{ job: { ...newJob(undefined), availableAt: Date.now() + 300 }, dueAt: 0 }])[0]!
  }))
  const foreman = await startProcess(t, { target: fake.url, dataDir })
  const now = async (job: Job) => {
    const { state, attempt, error } = await jobAt(foreman.url, job.id)
    return [state, attempt, error?.code]
  }
  assert.deepEqual(await now(left.canceling), ['canceled', 1, undefined])
  assert.deepEqual(await now(left.usedUp), ['failed', 3, 'interrupted'])
  assert.deepEqual(await now(left.attached), ['failed', 1, 'interrupted'])
  assert.deepEqual(await now(left.loading), ['done', 3, undefined])
  assert.deepEqual(await now(left.delayed), ['done', 1, undefined])
  assertWhole(dataDir)
  const line = foreman.logs.find(({ msg }) => msg === 'jobs of the last run put right')
  assert.deepEqual(line?.recovered, { requeued: 1, failed: 1, interrupted: 1, canceled: 1 })
})

test('six jobs left at work run one at a time, and all', async t => {
  const fake = await startFake(t, { token_delay_ms: 5 })
  const dataDir = temporaryDir(t)
  const left = seed(dataDir, store => Array.from({ length: 6 }, () => leftIn(store, 'working')))
  const { url } = await startProcess(t, { target: fake.url, dataDir })
  for (const { id } of left) assert.equal((await jobAt(url, id)).state, 'done')
  const { counts } = await fake.state()
  assert.equal(counts.generation_start, 6)
  await assertOneAtATime(fake)
  assertWhole(dataDir)
})

test('a job that takes foreman down with it each time ends when its attempts are used up', async t => {
  const fake = await startFake(t, { token_delay_ms: 50, token_count: 100 })
  const dataDir = temporaryDir(t)
  let id: string | undefined
  for (let start = 1; start <= 2; start++) {
    const foreman = await startProcess(t, { target: fake.url, dataDir })
    id ??= (await submitTo(foreman.url, { maxAttempts: 2 }))[0]!
    await fake.waitFor('generation_start', start)
    await foreman.kill()
  }
  const last = await startProcess(t, { target: fake.url, dataDir })
  const failed = await jobAt(last.url, id!)
  assert.deepEqual([failed.state, failed.attempt, failed.error?.code], ['failed', 2, 'interrupted'])
  assertWhole(dataDir)
})

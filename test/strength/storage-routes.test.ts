/** A full disk and a read-only one, as callers of the routes meet them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'
import { type ForemanProcess, spawnForeman } from '../helpers/foreman.ts'
import { mountFailingDisk } from './support/failing-disk.ts'
import { assertWhole } from './support/invariants.ts'
import { assertHonest, assertReadable, assertRefused } from './support/refused.ts'
import { assertOneAtATime, startFake, withShortPauses } from './support/rig.ts'
import { keepLogGrowing, mountSmallDisk } from './support/small-disk.ts'

const models = [
  { name: 'alpha', size_bytes: 1e9 },
  { name: 'beta', size_bytes: 1e9 },
  // Its answers are larger than what is kept in the database.
  { name: 'large', size_bytes: 1e9, fault: { kind: 'big_line' as const, size_bytes: 400_000 } }
]

async function post(url: string, model: string): Promise<{ status: number; job: JobObject }> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ model, prompt: 'hello' })
  const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body })
  return { status: answer.status, job: (await answer.json()) as JobObject }
}

async function submit(url: string, model: string): Promise<string> {
  const { status, job } = await post(url, model)
  assert.equal(status, 202, JSON.stringify(job))
  return job.id
}

/** The log has room of its own, so some are still taken. @returns those */
async function submitUntilRefused(url: string): Promise<string[]> {
  for (const taken: string[] = []; ; ) {
    const { status, job } = await post(url, 'alpha')
    if (status !== 202) return taken
    taken.push(job.id)
  }
}

async function ended(url: string, id: string): Promise<JobObject> {
  return (await (await fetch(`${url}/jobs/${id}`, { headers: { prefer: 'wait=30' } })).json()) as JobObject
}

/** Three jobs, the first of them on the target, slowly. */
async function busy(t: TestContext, dataDir: string, first: string) {
  const fake = await startFake(t, { models, token_delay_ms: 50, token_count: 10 })
  const options = { target: fake.url, dataDir, settings: withShortPauses() }
  const foreman = await spawnForeman(t, options)
  await foreman.logged('the target answers')
  const ids = [await submit(foreman.url, first)]
  await fake.waitFor('generation_start')
  for (const model of ['alpha', 'beta']) ids.push(await submit(foreman.url, model))
  return { fake, options, foreman, ids }
}

/** Everything in a state in which nothing can be written, and the job that ends meanwhile. */
async function assertBearable(foreman: ForemanProcess, ids: readonly string[], idle: string): Promise<void> {
  await assertRefused(foreman.url)
  for (const id of ids) await assertReadable(foreman.url, id)
  await assertHonest(foreman.url, idle)
  await foreman.logged('the end of a job cannot be stored', 2)
  await assertReadable(foreman.url, ids[0]!)
  await assertRefused(foreman.url)
}

for (const first of ['alpha', 'large']) {
  test(`a full disk under the routes: a job on ${first} that ends meanwhile is not lost`, async t => {
    const disk = mountSmallDisk(t)
    if (disk === undefined) return t.skip('NOT PROVED: this user may not mount a tmpfs')
    const { foreman, ids, fake } = await busy(t, disk.dir, first)
    const idle = await submit(foreman.url, 'beta')
    const stopGrowing = keepLogGrowing(t, disk.dir)
    disk.fill()
    ids.push(...(await submitUntilRefused(foreman.url)))
    await assertBearable(foreman, ids.slice(0, 3), idle)
    stopGrowing()
    disk.free()
    // Somebody may have paused it in vain.
    assert.equal((await fetch(`${foreman.url}/queue/resume`, { method: 'POST' })).status, 200)
    for (const id of ids) {
      const { state, attempt } = await ended(foreman.url, id)
      assert.deepEqual([state, attempt], ['done', 1], id)
    }
    await ended(foreman.url, await submit(foreman.url, 'alpha'))
    await assertOneAtATime(fake)
    assertWhole(disk.dir)
  })
}

test('a disk that becomes read-only in mid-flight: all is told, nothing is lost, and a repair brings it back', async t => {
  const disk = mountFailingDisk(t)
  if (disk === undefined) return t.skip('NOT PROVED: this user may not mount an ext4 image')
  const { foreman, ids, fake, options } = await busy(t, disk.dir, 'alpha')
  const idle = await submit(foreman.url, 'beta')
  disk.fail()
  await assertBearable(foreman, ids, idle)
  assert.equal((await foreman.kill('SIGTERM')).code, 0)
  disk.repair()
  const again = await spawnForeman(t, options)
  for (const id of ids) assert.equal((await ended(again.url, id)).state, 'done')
  await assertOneAtATime(fake)
  assertWhole(disk.dir)
  await again.kill('SIGTERM')
})

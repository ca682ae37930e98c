import assert from 'node:assert/strict'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startForeman } from '../../helpers/foreman.ts'
import { ready } from '../../strength/support/jobs.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { mountSmallDisk } from '../../strength/support/small-disk.ts'
import { assertProblem, chatBody, type Problem, type Stage, speaker, startStage } from './stage.ts'

type Asked = Pick<Stage, 'ask' | 'url'>

/** Every way to hand a durable job in, with the code that it was refused with. */
async function refusals({ ask, url }: Asked): Promise<[code: string, retryAfter: string | null][]> {
  const single = await ask<Problem>('POST', '/jobs', { body: chatBody })
  const native = await ask('POST', '/api/chat', { body: chatBody, headers: { prefer: 'respond-async' } })
  const headers = { 'content-type': 'application/x-ndjson' }
  const body = JSON.stringify(chatBody)
  const lines = await (await fetch(`${url}/jobs`, { method: 'POST', headers, body })).json()
  return [
    [single.body.code, single.headers.get('retry-after')],
    [native.headers.get('foreman-error-code')!, native.headers.get('retry-after')],
    [(lines as { error: Problem }).error.code, null]
  ]
}

/** Reads, calls that hold their connection and what was accepted go on. */
async function assertGoesOn({ ask, url }: Asked): Promise<void> {
  assert.equal((await ask('GET', '/jobs')).status, 200)
  const call = await fetch(`${url}/api/chat`, { method: 'POST', body: JSON.stringify(chatBody) })
  assert.equal(call.status, 200, await call.text())
}

async function startWith(t: TestContext, queue: Record<string, number>): Promise<Stage> {
  return startStage(t, {}, { queue })
}

test('beyond queue.max_bytes durable jobs are refused, with the limit, what is taken, and what to do', async t => {
  const stage = await startWith(t, { max_bytes: 1 })
  assert.deepEqual(await refusals(stage), [
    ['queue_full', '10'],
    ['queue_full', '10'],
    ['queue_full', null]
  ])
  const { detail } = assertProblem(await stage.ask('POST', '/jobs', { body: chatBody }), 503, 'queue_full')
  assert.match(detail, /takes \d\.\d MiB .* limit is 0\.0 MiB \(queue\.max_bytes\); delete ended jobs/)
  await assertGoesOn(stage)
})

test('jobs that are removed make room below queue.max_bytes', async t => {
  const stage = await startWith(t, { max_bytes: 60_000_000 })
  const large = { ...chatBody, options: { stop: ['x'.repeat(6_000_000)] } }
  const ids: string[] = []
  let answer = await stage.ask('POST', '/jobs', { body: large })
  for (; answer.status === 202; answer = await stage.ask('POST', '/jobs', { body: large })) {
    ids.push(answer.body.id)
    assert.ok(ids.length < 10, 'the limit was passed over')
  }
  assertProblem(answer, 503, 'queue_full')
  for (const id of ids) {
    await stage.ended(id)
    await stage.ask('DELETE', `/jobs/${id}`)
  }
  assert.equal((await stage.ask('POST', '/jobs', { body: large })).status, 202)
})

test('on a disk with too little room durable jobs are refused, and all else goes on', async t => {
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.skip('this user may not mount a tmpfs')
  const fake = await startFake(t)
  const settings = withShortPauses()
  const foreman = await startForeman(t, { target: fake.url, settings, dataDir: disk.dir })
  await ready(foreman.app)
  const stage = { ...foreman, ...speaker(foreman.url) }
  // The log has its room already, and a checkpoint needs none.
  foreman.app.db.pragma('wal_checkpoint(FULL)')
  // Room for what goes on, and less than a twentieth of the disk: before foreman looks for the first time.
  const { bavail, bsize, blocks } = statfsSync(disk.dir)
  const filler = join(disk.dir, 'filler')
  writeFileSync(filler, Buffer.alloc(bavail * bsize - Math.floor((blocks * bsize) / 21)))
  assert.deepEqual(await refusals(stage), [
    ['storage_low', '30'],
    ['storage_low', '30'],
    ['storage_low', null]
  ])
  const { detail } = assertProblem(await stage.ask('POST', '/jobs', { body: chatBody }), 503, 'storage_low')
  assert.match(detail, /has 0\.\d MiB free, and 0\.2 MiB must be; make room/)
  await assertGoesOn(stage)
  rmSync(filler)
  // It looks once a second.
  while ((await stage.ask('POST', '/jobs', { body: chatBody })).status !== 202) {
    await new Promise(resolve => setImmediate(resolve))
  }
})

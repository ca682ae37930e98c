/** The disk is full: nothing new is accepted, nothing accepted is lost, and all goes on when there is room again. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { launchForeman, startForeman } from '../helpers/foreman.ts'
import { assertWhole } from './support/invariants.ts'
import { ended, ready, submit, until } from './support/jobs.ts'
import { jobAt, startProcess, submitTo } from './support/process.ts'
import { assertOneAtATime, chat, startFake, withShortPauses } from './support/rig.ts'
import { keepLogGrowing, mountSmallDisk } from './support/small-disk.ts'

const mayNotMount = 'this user may not mount a tmpfs'

test('a database that may not grow refuses jobs with storage_low and keeps the running one', async t => {
  const fake = await startFake(t, { prompt_delay_ms: 300 })
  const stream = new PassThrough()
  const { app } = await startForeman(
    t,
    { target: fake.url, settings: withShortPauses() },
    { logger: { level: 'error', stream } }
  )
  await ready(app)
  const [running, waiting] = submit(app, { body: { options: { num_predict: 30_000 } } }, {})
  await until(app, running!.id, 'working')
  const pages = app.db.pragma('page_count', { simple: true })
  app.db.pragma(`max_page_count = ${pages}`)
  const large = { options: { stop: ['x'.repeat(100_000)] } }
  assert.throws(() => submit(app, { body: large }), { wireCode: 'storage_low' })
  // The answer is kept in the transaction that ends the job, and there is no room for it.
  for await (const line of stream) if (String(line).includes('the end of a job cannot be stored')) break
  assert.equal(app.jobs.get(running!.id)?.state, 'working')
  app.db.pragma('max_page_count = 1073741823')
  assert.equal((await ended(app, running!.id)).state, 'done')
  assert.equal((await ended(app, waiting!.id)).state, 'done')
})

test('a full disk refuses what is new, and what runs ends when there is room again', async t => {
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.skip(mayNotMount)
  const fake = await startFake(t, { token_delay_ms: 50, token_count: 10 })
  const foreman = await startProcess(t, { target: fake.url, dataDir: disk.dir })
  keepLogGrowing(t, disk.dir)
  // Enough of it that the log cannot be moved into the file either.
  const large = { body: { options: { stop: ['x'.repeat(100_000)] } } }
  const ids = await submitTo(foreman.url, {}, large, large, large, { model: 'beta' })
  await jobAt(foreman.url, ids[0]!, 'working')
  await fake.waitFor('generation_start')
  disk.fill()
  const told = await chat(foreman.url)
  assert.deepEqual(
    [told.status, told.headers?.get('foreman-error-code'), told.headers?.get('retry-after')],
    [503, 'storage_low', '30']
  )
  await assert.rejects(submitTo(foreman.url, {}), /submit answered 503/)
  assert.equal((await fetch(`${foreman.url}/readyz`)).status, 503)
  assert.equal((await fetch(`${foreman.url}/healthz`)).status, 200)
  // More than one pause of everything that writes by itself.
  await foreman.logged('the end of a job cannot be stored', 3)
  disk.free()
  for (const id of ids) {
    const done = await jobAt(foreman.url, id)
    assert.deepEqual([done.state, done.attempt], ['done', 1])
  }
  assert.equal((await fetch(`${foreman.url}/readyz`)).status, 200)
  assertWhole(disk.dir)
  await assertOneAtATime(fake)
})

test('a disk that fills up in the middle of a load costs no job', async t => {
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.skip(mayNotMount)
  const fake = await startFake(t, { load_delay_ms: 300 })
  const foreman = await startProcess(t, { target: fake.url, dataDir: disk.dir })
  const ids = await submitTo(foreman.url, {}, {}, { model: 'beta' })
  await fake.waitFor('load_start')
  disk.fill()
  await fake.waitFor('load')
  await foreman.logged('the end of a job cannot be stored')
  disk.free()
  for (const id of ids) {
    const done = await jobAt(foreman.url, id)
    assert.equal(done.state, 'done', JSON.stringify(done.error))
  }
  assertWhole(disk.dir)
})

test('SIGTERM on a full disk ends foreman and those who wait, and the next start puts all right', async t => {
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.skip(mayNotMount)
  const fake = await startFake(t, { token_delay_ms: 20, token_count: 100_000 })
  const foreman = await startProcess(t, { target: fake.url, dataDir: disk.dir })
  const callers = [chat(foreman.url, { stream: false })]
  await fake.waitFor('generation_start')
  const ids = await submitTo(foreman.url, {})
  callers.push(chat(foreman.url))
  await fake.waitFor('generation_start')
  disk.fill()
  const exit = await foreman.kill('SIGTERM')
  assert.equal(exit.code, 0, exit.stderr)
  for (const { status } of await Promise.all(callers)) assert.equal(status, 503)
  disk.free()
  await fake.configure({ token_delay_ms: 0, token_count: 2 })
  const again = await startProcess(t, { target: fake.url, dataDir: disk.dir })
  for (const id of ids) assert.equal((await jobAt(again.url, id)).state, 'done')
  assertWhole(disk.dir)
})

test('a start on a full disk says so and exits 1', async t => {
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.skip(mayNotMount)
  disk.fill()
  const { code, stderr } = await launchForeman(t, { target: 'http://127.0.0.1:9', dataDir: disk.dir }).exited
  assert.equal(code, 1)
  assert.match(stderr, /data directory .* cannot be used/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sweep } from '../../../core/jobs/retention.ts'
import { fingerprintOf } from '../../../plugins/jobs/fingerprint.ts'
import fc from '../../helpers/fast-check.ts'
import { startForeman, temporaryDir } from '../../helpers/foreman.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import {
  type Answer,
  assertProblem,
  chatBody,
  type ShownJob,
  type Stage,
  speaker,
  startStage
} from './stage.ts'

const dayMs = 86_400_000

function withKey(
  { ask }: Pick<Stage, 'ask'>,
  key: string,
  body: object | string = chatBody
): Promise<Answer<ShownJob>> {
  return ask('POST', '/jobs', { body, headers: { 'idempotency-key': key } })
}

function jobCount({ app }: Pick<Stage, 'app'>): unknown {
  return app.db.prepare('SELECT count(*) FROM job').pluck().get()
}

test('the same key with the same body gives the same job as it is now', async t => {
  const stage = await startStage(t)
  const first = await withKey(stage, 'k 1')
  assert.deepEqual([first.status, first.headers.get('idempotency-replayed')], [202, null])
  await stage.ended(first.body.id)
  const again = await withKey(
    stage,
    '"k 1"',
    '{ "messages": [{"content":"hello","role":"user"}], "model": "\\u0061lpha" }'
  )
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [200, 'true'])
  assert.equal(again.headers.get('location'), `/jobs/${first.body.id}`)
  assert.deepEqual([again.body.id, again.body.state], [first.body.id, 'done'])
  assert.equal(jobCount(stage), 1)
})

test('the same key with another body is refused', async t => {
  const stage = await startStage(t)
  await withKey(stage, 'k')
  assertProblem(await withKey(stage, 'k', { ...chatBody, model: 'beta' }), 422, 'idempotency_key_reused')
  assertProblem(await withKey(stage, 'k', { request: chatBody }), 422, 'idempotency_key_reused')
  assert.equal(jobCount(stage), 1)
})

test('a hundred requests at once with one key make one job, also while its model is looked for', async t => {
  const stage = await startStage(t)
  await stage.fake.configure({ remote_models: [{ name: 'fresh', size_bytes: 1000 }] })
  await (await fetch(`${stage.fake.url}/api/pull`, { method: 'POST', body: '{"model":"fresh"}' })).text()
  const body = { ...chatBody, model: 'fresh' }
  const answers = await Promise.all(Array.from({ length: 100 }, () => withKey(stage, 'one', body)))
  const statuses = answers.map(({ status }) => status).sort()
  assert.deepEqual(statuses, [...Array(99).fill(200), 202])
  assert.equal(new Set(answers.map(answer => answer.body.id)).size, 1)
  assert.equal(jobCount(stage), 1)
})

test('what was refused is not remembered', async t => {
  const stage = await startStage(t)
  assertProblem(await withKey(stage, 'k', { ...chatBody, model: 'nobody' }), 422, 'model_not_found')
  assert.equal((await withKey(stage, 'k')).status, 202)
})

test('a key holds over a restart, and while nothing new is accepted', async t => {
  const fake = await startFake(t)
  const options = { target: fake.url, settings: withShortPauses(), dataDir: temporaryDir(t) }
  const first = await startForeman(t, options)
  await speaker(first.url).ask('POST', '/queue/drain')
  assertProblem(await withKey(speaker(first.url), 'k'), 503, 'draining')
  await speaker(first.url).ask('POST', '/queue/resume')
  const { id } = (await withKey(speaker(first.url), 'k')).body
  await speaker(first.url).ask('POST', '/queue/drain')
  await first.app.close()
  const second = await startForeman(t, options)
  const again = await withKey(speaker(second.url), 'k')
  assert.deepEqual([again.status, again.body.id], [200, id])
})

test('a key is kept a day, and longer while its job is there', async t => {
  const stage = await startStage(t)
  const { id } = (await withKey(stage, 'short', { ...chatBody, retention_s: 60 })).body
  await stage.ended(id)
  await stage.ask('DELETE', `/jobs/${id}`)
  assertProblem(await withKey(stage, 'short', { ...chatBody, retention_s: 60 }), 410, 'job_data_removed')
  const long = await withKey(stage, 'long', { ...chatBody, retention_s: 2_592_000 })
  await stage.ended(long.body.id)
  const rules = { tombstoneMs: 1e12 }
  sweep(stage.app.db, Date.now() + dayMs + 1000, rules)
  assert.equal((await withKey(stage, 'short', { ...chatBody, retention_s: 60 })).status, 202)
  assert.equal((await withKey(stage, 'long', { ...chatBody, retention_s: 2_592_000 })).body.id, long.body.id)
})

test('a key that is none is refused', async t => {
  const stage = await startStage(t)
  for (const key of ['', ' ', '"', '"open', '"a"b"', 'é', 'x'.repeat(256), 'x'.repeat(10_000), '""']) {
    assertProblem(await withKey(stage, key), 400, 'invalid_idempotency_key')
  }
  const longest = 'x'.repeat(255)
  const [bare, quoted] = [await withKey(stage, longest), await withKey(stage, `"${longest}"`)]
  assert.deepEqual([bare.status, quoted.status, quoted.body.id], [202, 200, bare.body.id])
})

const print = (text: string) => fingerprintOf(Buffer.from(text)).toString('hex')

/** The same value with the members of every object in the opposite order, and all the white space there may be. */
function rewritten(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(rewritten).join(' ,\n')}\t]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)} : ${rewritten(one)}`)
  return ` {\r\n${members.reverse().join(' , ')} } `
}

test('a fingerprint tells values apart, and not the ways to write them', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => assert.equal(print(JSON.stringify(value)), print(rewritten(value))))
  )
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const same = rewritten(sorted(a)) === rewritten(sorted(b))
      assert.equal(print(JSON.stringify(a)) === print(JSON.stringify(b)), same)
    })
  )
  const different = [
    '{}',
    '[]',
    '[[]]',
    '[{}]',
    '{"a":1}',
    '{"a":[1]}',
    '["a",1]',
    '{"a":1,"a":2}',
    '{"a":2,"a":1}',
    '12345678901234567890',
    '12345678901234567891',
    '"1"',
    '1',
    '[1,2]',
    '[12]',
    '["1,2"]'
  ]
  assert.equal(new Set(different.map(print)).size, different.length)
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, one]) => [name, sorted(one)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  )
}

test('the fingerprint of a deep text costs no stack', () => {
  const depth = 9_999
  assert.notEqual(
    print('['.repeat(depth) + ']'.repeat(depth)),
    print('['.repeat(depth - 1) + ']'.repeat(depth - 1))
  )
})

/** A start of foreman while its target sleeps: what was known before is known again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'
import { get, type ModelList } from './stage.ts'

test('killed and started again beside a target that is away, foreman knows its models', async t => {
  const fake = await startFake(t)
  const first = await spawnForeman(t, { target: fake.url })
  const known = async () => (await get<ModelList>(first.url, '/models')).body
  await first.logged('a model is new on the list', 3)
  const before = await known()
  assert.equal(before.data.length, 3)
  await first.kill()
  await fake.kill()
  const second = await spawnForeman(t, { target: fake.url, dataDir: first.dataDir })
  await second.logged('the target is away')
  const { body } = await get<ModelList>(second.url, '/models')
  assert.deepEqual(body.data, before.data)
  assert.deepEqual([body.stale, body.target.version], [true, '0.33.0'])
  const tags = await fetch(`${second.url}/api/tags`)
  assert.deepEqual([tags.status, tags.headers.get('foreman-stale')], [200, 'true'])
  const jobOf = async (model: string) =>
    fetch(`${second.url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, prompt: 'x' })
    })
  const accepted = await jobOf('alpha')
  assert.equal(accepted.status, 202)
  const { id } = (await accepted.json()) as { id: string }
  const queue = await get<{ runners: { runner: string }[] }>(second.url, '/queue')
  assert.match(queue.body.runners[0]!.runner, /^sha256:/, 'the runner of the weights, not of the name')
  await fake.restart()
  const ended = await fetch(`${second.url}/jobs/${id}`, { headers: { prefer: 'wait=20' } })
  assert.equal(((await ended.json()) as { state: string }).state, 'done')
  const added = second.logs.filter(({ msg }) => msg?.startsWith('a model is new on the list'))
  assert.deepEqual(added, [], 'what is known is no news')
})

/** What counts as loaded by foreman, and what as loaded past it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelObject } from '../../../plugins/inventory/schemas.ts'
import { spawnForeman } from '../../helpers/foreman.ts'
import { chat, startFake, withShortPauses } from '../../strength/support/rig.ts'
import { scrape } from '../metrics/scrape.ts'
import { get, past, type Stage, startStage } from './stage.ts'

const bypassed = async ({ url }: Pick<Stage, 'url'>) =>
  (await scrape(url)).value('foreman_target_bypass_runners')

test('the model that is kept for embeddings is foreman’s own; one that others load to embed is not', async t => {
  const models = ['alpha', 'finder', 'seeker'].map(name => ({
    name,
    capabilities: [name === 'alpha' ? ('completion' as const) : ('embedding' as const)]
  }))
  const stage = await startStage(t, { models }, { embed: { model: 'finder' } })
  await stage.fake.waitFor('load', 1, { model: 'finder:latest' })
  await stage.app.queue.lookAtTarget()
  assert.equal(await bypassed(stage), 0)
  const { body } = await get<ModelObject>(stage.url, '/models/finder')
  assert.deepEqual([body.loaded, body.runners[0]?.by_foreman], [true, true])
  const input = JSON.stringify({ model: 'seeker', input: 'x' })
  await (await fetch(`${stage.fake.url}/api/embed`, { method: 'POST', body: input })).text()
  await stage.app.queue.lookAtTarget()
  assert.equal(await bypassed(stage), 1)
})

test('what foreman loaded, and others unloaded and loaded again, is theirs', async t => {
  const stage = await startStage(t)
  await chat(stage.url)
  await stage.app.queue.lookAtTarget()
  assert.equal(await bypassed(stage), 0)
  await past(stage.fake, { model: 'alpha', prompt: '', keep_alive: 0 })
  // The first finds it gone, the second believes it.
  await stage.app.queue.lookAtTarget()
  await stage.app.queue.lookAtTarget()
  await past(stage.fake, { model: 'alpha' })
  await stage.app.queue.lookAtTarget()
  assert.equal(await bypassed(stage), 1)
})

test('a foreman that was killed knows at its next start what it had loaded', async t => {
  const fake = await startFake(t)
  const settings = withShortPauses({})
  const first = await spawnForeman(t, { target: fake.url, settings })
  await chat(first.url)
  await first.kill()
  const second = await spawnForeman(t, { target: fake.url, dataDir: first.dataDir, settings })
  await second.logged('a model was loaded')
  assert.equal(await bypassed(second), 0)
  assert.ok(!second.logs.some(({ msg }) => msg?.startsWith('a model was loaded past foreman')))
})

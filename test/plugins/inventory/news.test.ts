import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TargetEvent } from '../../../core/target/target-events.ts'
import { chat } from '../../strength/support/rig.ts'
import { killed, past, poll, type Stage, startStage } from './stage.ts'

const digest = (digit: string) => digit.repeat(64)

/** What was told since it was last asked: type and model. */
function newsOf({ app }: Stage): () => TargetEvent[] {
  const news: TargetEvent[] = []
  app.targetEvents.on('event', event => news.push(event))
  return () => news.splice(0)
}

const words = (events: readonly TargetEvent[]) =>
  events.map(({ type, data }) => ('model' in data ? `${type} ${data.model}` : type)).toSorted()

test('models that are installed, replaced and removed are told of once', async t => {
  const models = ['stays', 'moves', 'goes'].map((name, at) => ({ name, digest: digest(String(at)) }))
  const stage = await startStage(t, { models }, { embed: { model: 'nobody' } })
  const news = newsOf(stage)
  await poll(stage)
  assert.deepEqual(news(), [])
  const [stays] = models
  await stage.fake.configure({
    models: [
      stays!,
      { name: 'moves', digest: digest('7') },
      { name: 'comes', digest: digest('8'), size_bytes: 5 }
    ]
  })
  await poll(stage)
  const events = news()
  assert.deepEqual(words(events), [
    'model.added comes:latest',
    'model.added moves:latest',
    'model.removed goes:latest'
  ])
  const dataOf = (model: string) => events.find(({ data }) => 'model' in data && data.model === model)!.data
  const comes = { model: 'comes:latest', digest: digest('8'), size_bytes: 5, replaces: null }
  assert.deepEqual(dataOf('comes:latest'), comes)
  assert.deepEqual(dataOf('moves:latest'), {
    ...{ model: 'moves:latest', digest: digest('7'), size_bytes: 1e9, replaces: digest('1') }
  })
  assert.deepEqual(dataOf('goes:latest'), { model: 'goes:latest', digest: digest('2') })
  for (const { created_at } of events) assert.equal(new Date(created_at).toISOString(), created_at)
  await poll(stage)
  assert.deepEqual(news(), [])
})

test('what foreman loads and unloads is told of, and is no bypass', async t => {
  const stage = await startStage(t, { load_delay_ms: 20 })
  const news = newsOf(stage)
  await chat(stage.url)
  await poll(stage)
  await chat(stage.url, { model: 'beta' })
  await poll(stage)
  await poll(stage)
  const events = news()
  assert.deepEqual(words(events), [
    'model.loaded alpha:latest',
    'model.loaded beta:latest',
    'model.unloaded alpha:latest'
  ])
  for (const { type, data } of events) if (type === 'model.loaded') assert.equal(data.by_foreman, true)
})

test('however looks fall between swaps, what foreman loads is never taken for a bypass', async t => {
  const stage = await startStage(t, { load_delay_ms: 3, unload_delay_ms: 3 })
  const news = newsOf(stage)
  const models = ['alpha', 'beta', 'gamma', 'alpha', 'gamma', 'beta', 'alpha', 'beta', 'gamma', 'alpha']
  const looking = (async () => {
    for (let look = 0; look < 200; look++) await stage.app.loadedModels.look()
  })()
  for (const model of models) await chat(stage.url, { model })
  await looking
  const types = new Set(news().map(({ type }) => type))
  assert.ok(types.has('model.loaded') && types.has('model.unloaded'))
  assert.ok(!types.has('target.bypass'))
})

test('a runner that foreman did not load is told of once for each appearance', async t => {
  const stage = await startStage(t)
  const news = newsOf(stage)
  const types = () => words(news())
  await past(stage.fake, { model: 'beta' })
  await poll(stage)
  assert.deepEqual(types(), ['model.loaded beta:latest', 'target.bypass beta:latest'])
  await past(stage.fake, { model: 'beta' })
  await poll(stage)
  assert.deepEqual(types(), [])
  await past(stage.fake, { model: 'beta', prompt: '', keep_alive: 0 })
  await poll(stage)
  assert.deepEqual(types(), ['model.unloaded beta:latest'])
  await past(stage.fake, { model: 'beta' })
  await poll(stage)
  assert.deepEqual(types(), ['model.loaded beta:latest', 'target.bypass beta:latest'])
})

test('a target that goes and comes back is told of once each time, with its version', async t => {
  const stage = await startStage(t)
  const news = newsOf(stage)
  await killed(stage)
  const [down, ...others] = news()
  assert.deepEqual(others, [])
  assert.ok(down?.type === 'target.down')
  assert.ok(['refused', 'reset'].includes(down.data.reason))
  assert.ok(down.data.detail.length > 0)
  const up = once(stage.app.reachability, 'up')
  await stage.fake.restart()
  await up
  const told = news().filter(({ type }) => type.startsWith('target.'))
  assert.deepEqual(
    told.map(({ type, data }) => ({ type, data })),
    [{ type: 'target.up', data: { version: '0.33.0', previous_version: null } }]
  )
})

test('another version is told of once, whether or not anybody saw the target go', async t => {
  const stage = await startStage(t)
  const news = newsOf(stage)
  const changed = once(stage.app.targetVersion, 'changed')
  await stage.fake.configure({ version: '0.34.0' })
  await poll(stage)
  await changed
  await poll(stage)
  const data = { version: '0.34.0', previous_version: '0.33.0' }
  assert.deepEqual(
    news().map(event => [event.type, event.data]),
    [['target.up', data]]
  )
})

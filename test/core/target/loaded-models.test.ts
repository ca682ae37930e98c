import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { LoadedModels } from '../../../core/target/loaded-models.ts'
import { startFakeOllama } from '../../fake-ollama/start.ts'
import { startClient, startHttp } from './servers.ts'

async function startLoaded(t: TestContext) {
  const fake = await startFakeOllama({ models: [{ name: 'a' }, { name: 'b' }] })
  t.after(() => fake.kill())
  const loadedModels = new LoadedModels(startClient(t, fake.url))
  const load = (body: object) =>
    fetch(`${fake.url}/api/generate`, { method: 'POST', body: JSON.stringify(body) }).then(res => res.text())
  return { fake, loadedModels, load, news: newsOf(loadedModels) }
}

/** What was told since it was last asked. */
function newsOf(loadedModels: LoadedModels): () => string[] {
  const news: string[] = []
  loadedModels.on('loaded', ({ name, contextLength }) => news.push(`+${name} ${contextLength}`))
  loadedModels.on('unloaded', ({ name, contextLength }) => news.push(`-${name} ${contextLength}`))
  loadedModels.on('looked', () => news.push('looked'))
  return () => news.splice(0)
}

test('each look tells what differs from the one before, and nothing twice', async t => {
  const { loadedModels, load, news } = await startLoaded(t)
  await loadedModels.look()
  assert.deepEqual(news(), ['looked'])
  await load({ model: 'a' })
  await load({ model: 'b' })
  await loadedModels.look()
  assert.deepEqual(news().toSorted(), ['+a:latest 4096', '+b:latest 4096', 'looked'])
  await loadedModels.look()
  assert.deepEqual(news(), ['looked'])
  await load({ model: 'a', keep_alive: 0 })
  await load({ model: 'b', options: { num_ctx: 1024 } })
  await loadedModels.look()
  const both = ['-a:latest 4096', '-b:latest 4096']
  const told = news()
  assert.deepEqual([told.slice(0, 2).toSorted(), told.slice(2)], [both, ['+b:latest 1024', 'looked']])
  assert.deepEqual(
    loadedModels.models.map(({ name }) => name),
    ['b:latest']
  )
})

test('a failed look leaves the list and the answer as they were', async t => {
  const { fake, loadedModels, load, news } = await startLoaded(t)
  await load({ model: 'a' })
  await loadedModels.look()
  const { answer, models } = loadedModels
  news()
  await fake.kill()
  await assert.rejects(loadedModels.look(), { name: 'TargetError' })
  assert.deepEqual([loadedModels.answer, loadedModels.models, news()], [answer, models, []])
})

test('a look that began before another and ends after it changes nothing', async t => {
  const answers: ((text: string) => void)[] = []
  const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const url = await startHttp(t, (_req, res) => {
    answers.push(text => res.end(text))
    arrived[answers.length - 1]!.resolve()
  })
  const loadedModels = new LoadedModels(startClient(t, url))
  const first = loadedModels.look()
  await arrived[0]!.promise
  const second = loadedModels.look()
  await arrived[1]!.promise
  const news = newsOf(loadedModels)
  answers[1]!('{"models":[{"name":"new","digest":"n"}]}')
  await second
  answers[0]!('{"models":[{"name":"old","digest":"o"}]}')
  assert.deepEqual(
    (await first).map(({ name }) => name),
    ['old']
  )
  assert.deepEqual(news(), ['+new undefined', 'looked'])
})

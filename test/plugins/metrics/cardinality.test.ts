import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'
import { type Scrape, scrape } from './scrape.ts'

/** The budget of the contract. */
const mostSeries = 6000

const modelsOf = ({ samples }: Scrape) =>
  new Set([...samples.keys()].map(key => /model="([^"]*)"/.exec(key)?.[1]).filter(name => name !== undefined))

const named = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `m${index}` }))

test('10 000 random model names leave the series as they are', async t => {
  const fake = await startFake(t)
  const { url, app } = await startForeman(t, { target: fake.url })
  await app.catalog.refresh()
  const ask = async (model: string) => {
    const res = await fetch(`${url}/api/generate`, { method: 'POST', body: JSON.stringify({ model }) })
    await res.text()
    return res.status
  }
  assert.equal(await ask('no-such-model'), 404)
  await scrape(url)
  const before = await scrape(url)
  const lines = Array.from({ length: 9_900 }, () =>
    JSON.stringify({ model: `x${Math.random().toString(36).slice(2)}`, prompt: 'x' })
  )
  const bulk = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n')
  })
  const answers = (await bulk.text()).trim().split('\n')
  assert.equal(answers.filter(answer => answer.includes('model_not_found')).length, lines.length)
  for (let call = 0; call < 100; call += 1) assert.equal(await ask(`y${Math.random()}`), 404)
  const after = await scrape(url)
  // The bulk request itself is a route that had not been asked before.
  const own = ({ samples }: Scrape) =>
    [...samples.keys()].filter(key => key.startsWith('foreman_') && !key.includes('route="/jobs"'))
  assert.deepEqual(own(after), own(before))
})

test('more models than labels: the first twenty have their own, the others share one', async t => {
  const fake = await startFake(t, { models: named(30) })
  const { url, app } = await startForeman(t, { target: fake.url })
  await app.catalog.refresh()
  const before = await scrape(url)
  assert.equal(modelsOf(before).size, 21)
  assert.ok(modelsOf(before).has('other'))
  const outside = named(30).find(({ name }) => !modelsOf(before).has(`${name}:latest`))!
  const res = await fetch(`${url}/api/generate`, {
    method: 'POST',
    body: JSON.stringify({ model: outside.name, prompt: 'x' })
  })
  await res.text()
  const after = await scrape(url)
  assert.equal(after.sum('foreman_jobs_finished_total', { model: 'other', outcome: 'done' }), 1)
  assert.deepEqual(modelsOf(after), modelsOf(before))
})

test('a model that was removed makes room for one that is used', async t => {
  const fake = await startFake(t, { models: named(21) })
  const { url, app } = await startForeman(t, { target: fake.url })
  await app.catalog.refresh()
  const has = async (name: string) => modelsOf(await scrape(url)).has(name)
  assert.equal(await has('m0:latest'), true)
  assert.equal(await has('m20:latest'), false)
  const send = (method: string, path: string, body: object) =>
    fetch(url + path, { method, body: JSON.stringify(body) }).then(res => res.text())
  await send('DELETE', '/api/delete', { model: 'm0' })
  await app.catalog.refresh()
  await send('POST', '/api/generate', { model: 'm20', prompt: 'x' })
  assert.equal(await has('m20:latest'), true)
  assert.equal(await has('m0:latest'), false)
})

test('the models of the runs on record come first at the next start', async t => {
  const fake = await startFake(t, { models: named(25) })
  const first = await startForeman(t, { target: fake.url })
  await first.app.catalog.refresh()
  const seated = modelsOf(await scrape(first.url))
  const late = named(25).find(({ name }) => !seated.has(`${name}:latest`))!.name
  const body = JSON.stringify({ model: late, prompt: 'x' })
  await fetch(`${first.url}/api/generate`, { method: 'POST', body }).then(res => res.text())
  await first.app.close()
  const second = await startForeman(t, { target: fake.url, dataDir: first.dataDir })
  await second.app.catalog.refresh()
  assert.ok(modelsOf(await scrape(second.url)).has(`${late}:latest`))
})

test('the worst that callers and models can do stays within the budget', async t => {
  const fake = await startFake(t, { models: named(30) })
  const { url, app } = await startForeman(t, { target: fake.url })
  await app.catalog.refresh()
  const tree = app.printRoutes({ commonPrefix: false })
  const routes = [...tree.matchAll(/(?:├|└)── (\/?\S*) \(/g)].map(([, path]) =>
    path!.startsWith('/') ? path! : `/${path}`
  )
  const paths = [...new Set([...routes, '/api/chat', '/jobs', '/jobs/x', '/nowhere', '/v1/messages'])]
  assert.ok(paths.length > 30)
  for (const path of paths) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const body = ['POST', 'PUT', 'PATCH'].includes(method) ? '{' : null
      const res = await fetch(url + path, { method, body })
      // A stream would go on for an hour.
      if (res.headers.get('content-type')?.startsWith('text/event-stream')) await res.body?.cancel()
      else await res.arrayBuffer()
    }
  }
  const { samples } = await scrape(url)
  assert.ok(samples.size < mostSeries, `${samples.size} series`)
  t.diagnostic(`${samples.size} series with 21 models and ${paths.length} paths`)
})

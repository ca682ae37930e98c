import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'
import { scrape } from './scrape.ts'

async function start(t: TestContext, fakeOptions = {}) {
  const fake = await startFake(t, fakeOptions)
  const foreman = await startForeman(t, { target: fake.url })
  await foreman.app.catalog.refresh()
  return { ...foreman, fake }
}

const streaming = ['sse', 'ws', 'ndjson']

test('all series of streams are there from the start, at zero', async t => {
  const { url } = await start(t)
  const { samples, value } = await scrape(url)
  const found = [...samples].filter(([key]) => key.startsWith('foreman_stream_'))
  const counted = found.filter(([key]) => key !== 'foreman_stream_capacity')
  assert.ok(counted.every(([, sample]) => sample === 0))
  assert.equal(counted.length, 4 + 3 + 3 * 3 + 3 * 2)
  assert.equal(value('foreman_stream_capacity'), 5000)
  for (const transport of [...streaming, 'longpoll'])
    assert.equal(value('foreman_stream_connections', { transport }), 0)
})

test('what transports tell is counted by transport and outcome', async t => {
  const { url, app } = await start(t)
  const release = app.streamSlots.take({ owner: 'x', scopes: new Set(), limits: {} }, 'sse')
  app.telemetry.emit('streamEvents', 'ws', 3)
  app.telemetry.emit('streamResumed', 'ws', 'gap')
  app.telemetry.emit('streamSlow', 'ndjson', 'closed')
  const { value } = await scrape(url)
  assert.equal(value('foreman_stream_connections', { transport: 'sse' }), 1)
  assert.equal(value('foreman_stream_events_sent_total', { transport: 'ws' }), 3)
  assert.equal(value('foreman_stream_resumes_total', { transport: 'ws', result: 'gap' }), 1)
  assert.equal(value('foreman_stream_slow_consumers_total', { transport: 'ndjson', action: 'closed' }), 1)
  release()
  assert.equal((await scrape(url)).value('foreman_stream_connections', { transport: 'sse' }), 0)
})

test('a request that waits for its job counts until it is answered, also one whose caller leaves', async t => {
  const { url, app, fake } = await start(t, { token_delay_ms: 1e6 })
  const handIn = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'alpha', prompt: 'x' })
  })
  const { id } = (await handIn.json()) as { id: string }
  await fake.waitFor('generation_start')
  const leave = new AbortController()
  const wait = (signal?: AbortSignal) =>
    fetch(`${url}/jobs/${id}`, { headers: { prefer: 'wait=20' }, ...(signal && { signal }) })
  const begun = changes(app, 2)
  const waits = [wait(), wait(leave.signal).catch(() => undefined)]
  await begun
  const waiting = async () =>
    (await scrape(url)).value('foreman_stream_connections', { transport: 'longpoll' })
  assert.equal(await waiting(), 2)
  const left = changes(app, 1)
  leave.abort()
  await left
  assert.equal(await waiting(), 1)
  await fetch(`${url}/jobs/${id}/cancel`, { method: 'POST' })
  await Promise.all(waits)
  assert.equal(await waiting(), 0)
})

/** So many more long-polls began or ended. */
function changes(app: Awaited<ReturnType<typeof start>>['app'], count: number): Promise<void> {
  return new Promise(resolve => {
    let left = count
    app.telemetry.on('streams', () => {
      left -= 1
      if (left === 0) resolve()
    })
  })
}

/** The lists of a target that is away: its own, as it gave them last, and marked. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TargetError } from '../../../core/target/client.ts'
import { bodyOf, fieldValue, type HttpMessage, statusOf } from '../../differential/message-reader.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { ask, chat, type Stage, start } from './stage.ts'

const lists = ['/', '/api/tags', '/api/ps', '/api/version', '/v1/models', '/v1/models/llama3.2']
const get = (stage: Pick<Stage, 'url'>, path: string) => ask(stage, { method: 'GET', path })

const told = (answer: HttpMessage) => ({
  status: statusOf(answer),
  type: fieldValue(answer.fields, 'content-type'),
  body: bodyOf(answer).toString()
})
const isStale = (answer: HttpMessage) => fieldValue(answer.fields, 'foreman-stale') === 'true'

/** A foreman that has the list, and has looked at a loaded model. */
async function startLoaded(t: TestContext, settings = {}): Promise<Stage> {
  const stage = await start(t, { settings, fake: { models: [{ name: 'llama3.2' }] } })
  const polled = once(stage.app.catalog, 'polled')
  await stage.app.catalog.refresh()
  await polled
  await ask(stage, chat())
  await stage.app.queue.lookAtTarget()
  return stage
}

test('each list is, byte for byte, what the target said last, with the time of that', async t => {
  const startedAt = Date.now()
  const stage = await startLoaded(t)
  const before = new Map<string, HttpMessage>()
  for (const path of lists) before.set(path, await get(stage, path))
  await stage.fake.kill()
  const killedAt = Date.now()
  for (const path of lists) {
    const answer = await get(stage, path)
    assert.deepEqual(told(answer), told(before.get(path)!), path)
    assert.deepEqual([isStale(before.get(path)!), isStale(answer)], [false, true])
    const polledAt = Date.parse(fieldValue(answer.fields, 'foreman-polled-at')!)
    assert.ok(
      polledAt >= startedAt && polledAt <= killedAt,
      `${path}: ${polledAt - killedAt} ms after the end`
    )
  }
})

test('a head is answered too where the target has one, so that the ollama command goes on', async t => {
  const stage = await startLoaded(t)
  await stage.fake.kill()
  for (const path of ['/', '/api/tags', '/api/version']) {
    const head = await ask(stage, { method: 'HEAD', path })
    const whole = await get(stage, path)
    assert.deepEqual([statusOf(head), bodyOf(head).length], [200, 0])
    const length = (answer: HttpMessage) => fieldValue(answer.fields, 'content-length')
    assert.equal(length(head), length(whole), path)
    assert.ok(isStale(head))
  }
})

test('when it is back the target answers again', async t => {
  const stage = await startLoaded(t)
  await stage.fake.kill()
  assert.ok(isStale(await get(stage, '/api/tags')))
  const up = once(stage.app.reachability, 'up')
  stage.app.reachability.markDown(await failure(stage))
  await stage.fake.restart()
  await up
  assert.ok(!isStale(await get(stage, '/api/tags')))
})

/** What a call meets now. */
async function failure(stage: Stage): Promise<TargetError> {
  return (await stage.app.target.json('GET', '/api/version').catch(err => err)) as TargetError
}

test('what cannot be known without the target is still 502, and so are other methods and paths', async t => {
  const stage = await startLoaded(t)
  await stage.fake.kill()
  for (const [method, path] of [
    ['GET', '/v1/models/nobody'],
    ['GET', '/api/status'],
    ['GET', '/api/tags/'],
    ['POST', '/api/show'],
    ['HEAD', '/api/ps']
  ] as const) {
    const answer = await ask(stage, { method, path })
    assert.equal(statusOf(answer), 502, `${method} ${path}`)
    assert.ok(!isStale(answer))
  }
})

test('stale_lists: false, or a target that never was there: 502', async t => {
  const off = await startLoaded(t, { plugins: { passthrough: { stale_lists: false } } })
  await off.fake.kill()
  const never = await startForeman(t, { target: 'http://127.0.0.1:9' })
  for (const path of lists) {
    for (const stage of [off, never]) {
      const answer = await get(stage, path)
      assert.equal(statusOf(answer), 502, path)
      assert.match(String(bodyOf(answer)), /cannot be reached/)
    }
  }
})

test('a target that is known to be away is not asked: nobody waits for a machine that sleeps', async t => {
  const stage = await startLoaded(t)
  await stage.fake.kill()
  const down = once(stage.app.reachability, 'down')
  stage.app.reachability.markDown(await failure(stage))
  await down
  // Takes connections and says nothing, at the target's own address.
  const deaf = await listenAt(t, Number(new URL(stage.fake.url).port))
  for (const path of lists) assert.ok(isStale(await get(stage, path)), path)
  assert.equal(deaf.asked.filter(text => !text.startsWith('GET /api/version ')).length, 0)
})

async function listenAt(t: TestContext, port: number): Promise<{ server: Server; asked: string[] }> {
  const asked: string[] = []
  const server = createServer(socket => {
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.on('data', data => asked.push(String(data)))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { server, asked }
}

test('what is pulled or deleted through foreman is known at once', async t => {
  const stage = await startLoaded(t)
  const { catalog } = stage.app
  assert.ok(catalog.peek('llama3.2'))
  const polled = once(catalog, 'polled')
  const answer = await ask(stage, { method: 'DELETE', path: '/api/delete', body: '{"model":"llama3.2"}' })
  assert.equal(statusOf(answer), 200)
  await polled
  assert.equal(catalog.peek('llama3.2'), undefined)
})

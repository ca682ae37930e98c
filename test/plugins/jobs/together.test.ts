/** Requests that come together share a commit, and none suffers from what is wrong with another. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { chatBody, type Stage, startStage } from './stage.ts'

const body = JSON.stringify(chatBody)

/** Connections that are open and idle. */
async function open(t: TestContext, { url }: Stage, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(Number(new URL(url).port), '127.0.0.1'))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  // A first request on each: connections are accepted one after another.
  await post(sockets, [], '{}')
  return sockets
}

/** Sends one request on each, all before any answer, and gives status and code of the answers. */
async function post(sockets: readonly Socket[], keys: readonly (string | undefined)[], sent = body) {
  const answers = sockets.map(socket => once(socket, 'data'))
  for (const [index, socket] of sockets.entries()) {
    const key = keys[index] === undefined ? '' : `Idempotency-Key: ${keys[index]}\r\n`
    socket.write(
      `POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${key}Content-Length: ${sent.length}\r\n\r\n${sent}`
    )
  }
  const texts = (await Promise.all(answers)).map(([chunk]) => String(chunk))
  return texts.map(text =>
    [text.slice(9, 12), /foreman-error-code: (\w+)/.exec(text)?.[1] ?? ''].join(' ').trim()
  )
}

test('jobs that arrive together share a commit', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const sockets = await open(t, stage, 50)
  const commits = t.mock.method(stage.app.jobs, 'acceptEach')
  assert.deepEqual(await post(sockets, []), Array(50).fill('202'))
  const sizes = commits.mock.calls.map(call => call.arguments[0].length)
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    50
  )
  assert.ok(sizes.length <= 10, `${sizes}`)
})

test('a key that was used and a queue that gets full hurt only their own request', async t => {
  const stage = await startStage(t, {}, { queue: { max_queued: 8 } })
  await stage.ask('POST', '/queue/pause')
  const sockets = await open(t, stage, 10)
  assert.deepEqual(await post(sockets.slice(0, 1), ['used'], '{"model":"alpha","prompt":"x"}'), ['202'])
  const keys = ['a', undefined, 'used', 'a', 'b', undefined, 'a', 'b', 'used', undefined]
  const answers = await post(sockets, keys)
  const count = (answer: string) => answers.filter(one => one === answer).length
  assert.deepEqual([count('202'), count('200'), count('422 idempotency_key_reused')], [5, 3, 2], `${answers}`)
  const more = await post(sockets.slice(0, 5), [])
  assert.deepEqual(more.sort(), ['202', '202', ...Array(3).fill('503 queue_full')])
  assert.equal(stage.app.queueDepth.total, 8)
})

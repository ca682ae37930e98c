/** How sockets end: what each side did, and the code that tells. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { spawnForeman } from '../../helpers/foreman.ts'
import { holdTimers } from '../../helpers/held-timers.ts'
import { startFake } from '../../strength/support/rig.ts'
import { startStage as startAuthStage } from '../auth/stage.ts'
import { chatBody, startStage } from '../jobs/stage.ts'
import { Client, RawClient } from './client.ts'

const talkative = (tokens: number) => ({ ...chatBody, options: { num_predict: tokens } })
const ping = { op: 'ping', ref: 'p' }
/** How long a close frame may go unanswered, and the pause between two looks at the tokens of open calls. */
const [closeMs, lookMs] = [2000, 500]
/** Only so that a fault ends a test that waits for an end, and does not hold it up for ever. */
const patient = { timeout: 300_000 }

test('a frame that nobody can act on closes the socket, and the reason says why', async t => {
  const { url } = await startStage(t)
  const cases: [string | object, RegExp][] = [
    ['{"op":"ping"', /^the frame is not JSON$/],
    ['', /^the frame is not JSON$/],
    ['null', /^op must be one of subscribe, unsubscribe, cancel, ping$/],
    ['[]', /^op must be/],
    ['"ping"', /^op must be/],
    [{ op: 'publish', ref: 'r' }, /^op must be/],
    [{ op: 'toString', ref: 'r' }, /^op must be/],
    [{ op: 'ping' }, /^\/ref is missing$/],
    [{ op: 'ping', ref: '' }, /^\/ref /],
    [{ op: 'ping', ref: 7 }, /^\/ref /],
    [{ op: 'ping', ref: 'r'.repeat(65) }, /^\/ref /],
    [{ op: 'ping', ref: 'r', more: 1 }, /^\/more /],
    [{ op: 'ping', ref: 'r', [`é${'x'.repeat(1000)}`]: 1 }, /^\/é/],
    [{ op: 'unsubscribe', ref: 'r' }, /^\/sub is missing$/],
    [{ op: 'cancel', ref: 'r', job_id: null }, /^\/job_id /],
    [{ op: 'subscribe', ref: 'r' }, /^\/job_id is missing$/],
    [{ op: 'subscribe', ref: 'r', job_id: '*', after: -1 }, /^\/after /],
    [{ op: 'subscribe', ref: 'r', job_id: '*', after: 1.5 }, /^\/after /],
    [{ op: 'subscribe', ref: 'r', job_id: '*', after: {} }, /^\/after /],
    [{ op: 'subscribe', ref: 'r', job_id: '*', types: 'job.done' }, /^\/types /],
    [{ op: 'subscribe', ref: 'r', job_id: 'job_x', types: ['job.done'] }, /^types and job_ids narrow/]
  ]
  for (const [frame, why] of cases) {
    const { code, reason } = await (await Client.open(t, url)).send(frame).closed
    assert.equal(code, 4400, JSON.stringify(frame))
    assert.match(reason, why)
    assert.ok(Buffer.byteLength(reason) <= 123)
  }
})

test('bytes, frames that are too large, and what is no frame close the socket', async t => {
  const { url } = await startStage(t)
  const binary = await Client.open(t, url)
  binary.ws.send(Buffer.from(JSON.stringify(ping)))
  assert.deepEqual(await binary.closed, { code: 4400, reason: 'frames are text' })
  const exact = await Client.open(t, url)
  const filled = JSON.stringify({ ...ping, op: '' })
  exact.send(filled.padEnd(64 * 1024))
  assert.equal((await exact.closed).code, 4400)
  const large = await Client.open(t, url)
  large.send(filled.padEnd(64 * 1024 + 1))
  assert.equal((await large.closed).code, 1009)
  // Node closes a socket whose frames are not masked (RFC 6455 section 5.1), of an unknown kind, or no UTF-8.
  for (const [bytes, code] of [
    [Buffer.from([0x81, 0x01, 0x41]), 1002],
    [Buffer.from([0x83, 0x80, 0, 0, 0, 0]), 1002],
    [Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), 1002],
    [Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007]
  ] as const) {
    const raw = await RawClient.upgraded(t, url)
    raw.text = ''
    const ended = once(raw.socket, 'close')
    raw.write(bytes)
    await raw.reads(/\x88[\s\S]{3}/)
    assert.equal(Buffer.from(raw.text.slice(2, 4), 'latin1').readUInt16BE(), code)
    raw.socket.end()
    await ended
  }
})

test('a client that sends too many frames is closed, whatever they are', async t => {
  const { url, app } = await startStage(t)
  const floods = {
    frames: (client: Client) => client.send(ping),
    pings: (client: Client) => client.ws.ping(),
    pongs: (client: Client) => client.ws.pong(),
    subscriptions: (client: Client, index: number) =>
      client.send({ op: 'subscribe', ref: `s${index}`, job_id: '*', after: 'latest' })
  }
  for (const flood of Object.values(floods)) {
    const client = await Client.open(t, url)
    for (let index = 0; index < 10_000; index += 1) flood(client, index)
    assert.equal((await client.closed).code, 4429)
    assert.equal(app.followers.size, 0)
  }
})

test('a socket for one job is closed with the job, and says what is wrong with it', async t => {
  const stage = await startStage(t, { token_delay_ms: 1 })
  const { url } = stage
  const job = await stage.submit(talkative(30))
  const live = await Client.open(t, url, { query: `?job_id=${job.id}` })
  const told = await live.story(job.id)
  assert.deepEqual(await live.closed, { code: 1000, reason: 'the job has ended' })
  assert.equal(told.at(-1)!.type, 'job.done')
  for (const after of ['2', `${job.id}:2`]) {
    const late = await Client.open(t, url, { query: `?job_id=${job.id}&after=${after}` })
    assert.equal((await late.closed).code, 1000)
    assert.deepEqual(late.eventsOf(job.id), told.slice(2))
  }
  const nothing = await Client.open(t, url, { query: `?job_id=${job.id}&after=latest` })
  assert.equal((await nothing.closed).code, 1000)
  assert.deepEqual(nothing.frames, [{ op: 'end', sub: job.id }])

  const running = await stage.submit(talkative(100_000))
  const other = await Client.open(t, url, { query: `?job_id=${running.id}` })
  other.send({ op: 'subscribe', ref: 'x', job_id: job.id })
  assert.deepEqual(await other.closed, { code: 4403, reason: 'this socket is for one job' })
  await stage.ask('POST', `/jobs/${running.id}/cancel`)

  await stage.ask('DELETE', `/jobs/${job.id}`)
  for (const [query, code] of [
    [`?job_id=${job.id}`, 4410],
    ['?job_id=job_none', 4404],
    [`?job_id=${encodeURIComponent('../jobs')}`, 4404],
    ['?job_id=*', 4404],
    ['?job_id=', 4404],
    [`?job_id=${running.id}&after=soon`, 4400],
    [`?job_id=${running.id}&after=job_other:1`, 4400]
  ] as const) {
    const refused = await Client.open(t, url, { query })
    assert.equal((await refused.closed).code, code, query)
    assert.deepEqual(refused.frames, [])
  }
})

test("another owner's job closes a socket as one that is not there", async t => {
  const { url, ask, issue } = await startAuthStage(t)
  const [mine, other] = [await issue({ scopes: ['jobs:read'] }), await issue({ scopes: ['jobs:write'] })]
  const { id } = (await (await ask(other.token, 'POST', '/jobs', chatBody)).json()) as { id: string }
  const headers = { authorization: `Bearer ${mine.token}` }
  const [foreign, none] = await Promise.all(
    [id, 'job_none'].map(
      async job => (await Client.open(t, url, { headers, query: `?job_id=${job}` })).closed
    )
  )
  assert.deepEqual(foreign, none)
  assert.equal(foreign!.code, 4404)
})

test(
  'a revoked token closes its sockets by two looks within a second, and says so at the first',
  patient,
  async t => {
    // Time passes here for what is done at intervals, and no socket is cut because its goodbye was not answered.
    t.mock.timers.enable({ apis: ['setInterval'] })
    const unanswered = holdTimers(t, closeMs)
    const { url, ask, issue, admin, app } = await startAuthStage(t)
    const { token, id } = await issue({ scopes: ['jobs:read', 'jobs:write'] })
    const { ticket } = (await (await ask(token, 'POST', '/stream-tickets', {})).json()) as { ticket: string }
    const headers = { authorization: `Bearer ${token}` }
    const clients = [
      await Client.open(t, url, { headers }),
      await Client.open(t, url, { query: `?ticket=${ticket}` })
    ]
    const deaf = await RawClient.upgraded(t, url, `?ticket=${await ticketOf(ask, token)}`)
    const admins = await Client.open(t, url, { headers: { authorization: `Bearer ${admin}` } })
    assert.equal((await ask(admin, 'DELETE', `/tokens/${id}`)).status, 200)
    t.mock.timers.tick(lookMs)
    for (const client of clients) {
      assert.deepEqual(await client.closed, { code: 4401, reason: 'the token is over' })
      assert.deepEqual(client.frames, [{ op: 'bye', reason: 'token_revoked', retry_after_s: null }])
    }
    const gone = once(deaf.socket, 'close')
    t.mock.timers.tick(lookMs)
    await gone
    assert.equal(unanswered.overdue, 0)
    assert.equal((await admins.send(ping).answer('p')).op, 'pong')
    assert.equal(app.streamSlots.open, 1)
  }
)

async function ticketOf(
  ask: Awaited<ReturnType<typeof startAuthStage>>['ask'],
  token: string
): Promise<string> {
  return ((await (await ask(token, 'POST', '/stream-tickets', {})).json()) as { ticket: string }).ticket
}

test('a stop of the process says goodbye, and a socket that does not answer does not keep it', async t => {
  const fake = await startFake(t)
  const foreman = await spawnForeman(t, { target: fake.url, settings: { limits: { shutdown_s: 0.2 } } })
  const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(t, foreman.url)))
  for (const client of clients) await client.send({ op: 'subscribe', ref: 'a', job_id: '*' }).answer('a')
  const exit = foreman.kill('SIGTERM')
  for (const client of clients) {
    assert.deepEqual(await client.closed, { code: 1001, reason: 'foreman stops' })
    assert.deepEqual(client.frames.at(-1), { op: 'bye', reason: 'shutdown', retry_after_s: 2 })
  }
  assert.equal((await exit).code, 0)

  const again = await spawnForeman(t, { target: fake.url, settings: { limits: { shutdown_s: 0.2 } } })
  const deaf = await RawClient.upgraded(t, again.url)
  deaf.socket.pause()
  assert.equal((await again.kill('SIGTERM')).code, 0)
})

test('a stop waits two seconds for sockets that do not answer its goodbye, and for no other', async t => {
  const { url, app } = await startStage(t, {}, { plugins: { webhooks: false } })
  const [client, deaf] = [await Client.open(t, url), await RawClient.upgraded(t, url)]
  deaf.socket.pause()
  const unanswered = holdTimers(t, closeMs)
  let isClosed = false
  const closed = app.close().then(() => {
    isClosed = true
  })
  assert.equal((await client.closed).code, 1001)
  assert.equal(unanswered.started, 2)
  // The answer of the other is heard.
  while (unanswered.pending > 1) await new Promise(setImmediate)
  assert.equal(isClosed, false)
  unanswered.run()
  await closed
  assert.equal(unanswered.overdue, 0)
})

test('a client that does not answer pings is cut', patient, async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { url, app } = await startStage(t, {}, { plugins: { websocket: { ping_s: 3600 } } })
  const alive = await Client.open(t, url)
  const dead = await Client.open(t, url, { autoPong: false })
  for (let hour = 0; hour < 2; hour += 1) {
    const pings = [alive, dead].map(({ ws }) => once(ws, 'ping'))
    t.mock.timers.tick(3_600_000)
    await Promise.all(pings)
    // An answer on the same socket: the pong that was sent before has come.
    await alive.send({ ...ping, ref: `${hour}` }).answer(`${hour}`)
  }
  t.mock.timers.tick(3_600_000)
  assert.equal((await dead.closed).code, 1006)
  await alive.send(ping).answer('p')
  assert.equal(app.streamSlots.open, 1)
})

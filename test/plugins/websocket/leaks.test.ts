/** Five hundred sockets that end in every way there is leave nothing behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { Scope } from '../../helpers/foreman.ts'
import { until } from '../../strength/support/jobs.ts'
import { chatBody, startStage } from '../jobs/stage.ts'
import { Client, RawClient, refused, upgradeRequest } from './client.ts'

const sockets = 500
const atOnce = 25

/** What one client does until its socket is over. `job` runs, `over` has ended. */
type Life = (at: { t: Scope; url: string; job: string; over: string }) => Promise<unknown>

async function following(t: Scope, url: string, job: string): Promise<Client> {
  const client = await Client.open(t, url)
  client.send({ op: 'subscribe', ref: 'all', job_id: '*' }).send({ op: 'subscribe', ref: 'one', job_id: job })
  await client.answer('one')
  return client
}

const ending =
  (end: (client: Client) => void): Life =>
  async ({ t, url, job }) => {
    const client = await following(t, url, job)
    end(client)
    return client.closed
  }

const lives: Readonly<Record<string, Life>> = {
  'closes it': ending(({ ws }) => ws.close(1000)),
  'closes it with a code of its own': ending(({ ws }) => ws.close(4999, 'enough')),
  'cuts it': ending(({ ws }) => ws.terminate()),
  'is killed': ending(({ ws }) => {
    ;(ws as unknown as { _socket: RawClient['socket'] })._socket.resetAndDestroy()
  }),
  'sends nonsense': ending(client => client.send('{')),
  'sends bytes': ending(({ ws }) => ws.send(Buffer.alloc(100))),
  'sends too much at once': ending(client => client.send('x'.repeat(65_537))),
  'sends too often': ending(client => {
    for (let index = 0; index < 200; index += 1) client.send({ op: 'ping', ref: 'p' })
  }),
  'ends its subscriptions first': async ({ t, url, job }) => {
    const client = await following(t, url, job)
    for (const sub of ['all', 'one'])
      await client.send({ op: 'unsubscribe', ref: `u${sub}`, sub }).answer(`u${sub}`)
    client.ws.close()
    return client.closed
  },
  'hears all of a job': async ({ t, url, over }) =>
    (await Client.open(t, url, { query: `?job_id=${over}` })).closed,
  'asks for a job that is not there': async ({ t, url }) =>
    (await Client.open(t, url, { query: '?job_id=job_none' })).closed,
  'is refused': ({ url }) => refused(url, { protocols: ['other'] }),
  'is refused by the protocol': async ({ t, url }) => {
    const raw = await RawClient.connect(t, url)
    raw.write(upgradeRequest(url, '/ws', { 'sec-websocket-key': 'x' }))
    await once(raw.socket, 'close')
  },
  'sends garbage': async ({ t, url }) => {
    const raw = await RawClient.upgraded(t, url)
    raw.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await once(raw.socket, 'close')
  },
  'says no more': async ({ t, url }) => {
    const raw = await RawClient.upgraded(t, url)
    raw.socket.end()
    await once(raw.socket, 'close')
  },
  'leaves in the middle of a frame': async ({ t, url }) => {
    const raw = await RawClient.upgraded(t, url)
    raw.write(Buffer.from([0x81, 0xfe, 0x10]))
    raw.socket.destroy()
  },
  'leaves in the middle of the handshake': async ({ t, url }) => {
    const raw = await RawClient.connect(t, url)
    raw.write(upgradeRequest(url, '/ws')).socket.destroy()
  },
  'asks and leaves at once': async ({ t, url }) => {
    const raw = await RawClient.connect(t, url)
    raw.write(upgradeRequest(url, '/ws')).socket.end()
    await once(raw.socket, 'close')
  }
}

const counted = () => Object.groupBy(process.getActiveResourcesInfo(), name => name)
const activeOf = (name: string) => counted()[name]?.length ?? 0

async function connectionsOf({ server }: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((err, count) => (err ? reject(err) : resolve(count)))
  )
}

/** Waits until there are no more connections and timers than there were. The running job has some that come and go. */
async function quiet(app: FastifyInstance, before: { connections: number; timers: number }): Promise<void> {
  const late = AbortSignal.timeout(10_000)
  while (app.streamSlots.open > 0) await once(app.telemetry, 'streams', { signal: late })
  while ((await connectionsOf(app)) > before.connections || activeOf('Timeout') > before.timers) {
    late.throwIfAborted()
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('five hundred sockets that end in every way leave no follower, listener, timer or connection', async t => {
  const { url, app, submit, ended } = await startStage(t, { token_delay_ms: 1 }, { log_level: 'error' })
  const over = await submit()
  await ended(over.id)
  const { id: job } = await submit({ ...chatBody, options: { num_predict: 1_000_000 } })
  await until(app, job, 'working')
  // What a life opens is over with it.
  const scope: Scope = { after: () => {} }
  const listeners = () => ({
    ofEvents: (['stored', 'event', 'kept'] as const).map(name => app.jobEvents.listenerCount(name)),
    ofServer: app.server.listenerCount('upgrade'),
    ofTarget: app.targetEvents.listenerCount('event')
  })
  const before = listeners()
  const open = { connections: await connectionsOf(app), timers: activeOf('Timeout') }
  const all = Object.values(lives)
  for (let index = 0; index < sockets; index += atOnce) {
    const some = Array.from({ length: atOnce }, (_, place) => all[(index + place) % all.length]!)
    await Promise.all(some.map(life => life({ t: scope, url, job, over: over.id })))
  }
  await quiet(app, open)
  assert.equal(app.followers.size, 0)
  assert.equal(app.streamSlots.open, 0)
  assert.deepEqual(listeners(), before)
})

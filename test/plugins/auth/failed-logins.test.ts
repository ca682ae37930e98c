import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import type { FastifyRequest } from 'fastify'
import type { AuditEntry } from '../../../core/access/audit.ts'
import { soleCaller } from '../../../core/access/caller.ts'
import { type ForemanError, MalformedJsonError } from '../../../core/errors.ts'
import { unauthorized } from '../../../plugins/auth/errors.ts'
import { FailedLogins, networkOf } from '../../../plugins/auth/failed-logins.ts'
import { Windows } from '../../../plugins/auth/windows.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { ready } from '../../strength/support/jobs.ts'
import { startFake } from '../../strength/support/rig.ts'

/** Two failures a minute, on a clock that is set by hand, with what was written down. */
function open({ holdMs = 0 } = {}) {
  const clock = { now: 1000 }
  const audited: AuditEntry[] = []
  const warned: unknown[] = []
  const log = { warn: (facts: object) => warned.push(facts) }
  const audit = { write: (entry: AuditEntry) => audited.push(entry) }
  const logins = new FailedLogins({ perMinute: 2, audit, holdMs, now: () => clock.now })
  const raws: EventEmitter[] = []
  const requestFrom = (ip: string) => {
    raws.push(new EventEmitter())
    const route = { method: 'GET', routeOptions: { url: '/jobs/:id' } }
    return { ip, id: 'r1', log, raw: raws.at(-1), ...route } as unknown as FastifyRequest
  }
  const fail = async (ip = '192.0.2.1') => {
    const error: ForemanError = await logins
      .refuse(requestFrom(ip), new MalformedJsonError('x'))
      .catch(err => err)
    return [error.wireCode, error.retryAfterS]
  }
  return { clock, audited, warned, logins, raws, fail }
}

const itself = ['malformed_json', undefined]

test('so many failures a minute are answered as they are, further ones are told to wait for its end', async () => {
  const { clock, fail } = open()
  assert.deepEqual(await fail(), itself)
  clock.now += 20_000
  assert.deepEqual(await fail(), itself)
  assert.deepEqual(await fail(), ['too_many_failed_logins', 40])
  clock.now += 39_500
  assert.deepEqual(await fail(), ['too_many_failed_logins', 1])
  clock.now += 500
  assert.deepEqual(await fail(), itself)
})

test('each address has failures of its own, and of IPv6 each network of 64 bits', async () => {
  const { fail } = open()
  for (let times = 0; times < 3; times++) await fail('2001:db8:0:7::1')
  assert.deepEqual(await fail('192.0.2.2'), itself)
  assert.deepEqual(await fail('2001:db8:0:8::1'), itself)
  assert.deepEqual(await fail('2001:0DB8::7:ffff:0:0:2'), ['too_many_failed_logins', 60])
})

test('the network of an address is the same in all of its spellings', () => {
  const networks: Record<string, readonly string[]> = {
    '192.0.2.1': ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1'],
    '2001:db8:0:7::/64': ['2001:db8:0:7::', '2001:db8:0:7:1:2:3:4', '2001:db8::7:0:0:0:1'],
    '0:0:0:0::/64': ['::', '::1'],
    'fe80:0:0:0::/64': ['fe80::1%eth0', 'fe80::2%3'],
    unknown: ['', 'nobody', '1.2.3', 'x'.repeat(10_000)]
  }
  for (const [network, spellings] of Object.entries(networks)) {
    for (const address of spellings) assert.equal(networkOf(address), network, address)
  }
})

test('of a flood the first failure and the first refusal are audited, and one line is logged', async () => {
  const { clock, audited, warned, fail } = open()
  for (let times = 0; times < 50; times++) await fail()
  assert.deepEqual(
    audited.map(({ action, address, object, result }) => [action, address, object, result]),
    [
      ['auth.denied', '192.0.2.1', 'GET /jobs/:id', 'malformed_json'],
      ['auth.denied', '192.0.2.1', 'GET /jobs/:id', 'too_many_failed_logins']
    ]
  )
  assert.deepEqual(warned, [{ address: '192.0.2.1', failures: 2 }])
  clock.now += 60_000
  for (let times = 0; times < 50; times++) await fail()
  assert.deepEqual([audited.length, warned.length], [4, 2])
})

test('a refusal is held back until its time is over, its client has left, or foreman stops', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { logins, raws, fail } = open({ holdMs: 1000 })
  await fail()
  await fail()
  const endings = [() => t.mock.timers.tick(1000), () => raws.at(-1)!.emit('close'), () => logins.close()]
  for (const end of endings) {
    let answered = false
    const refused = fail().then(() => {
      answered = true
    })
    t.mock.timers.tick(999)
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(answered, false)
    end()
    await refused
    assert.equal(raws.at(-1)!.listenerCount('close'), 0)
  }
})

test('no more than a thousand refusals are held back at a time', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { logins, fail } = open({ holdMs: 1000 })
  await fail()
  await fail()
  const held = Array.from({ length: 1000 }, () => fail())
  assert.deepEqual(await fail(), ['too_many_failed_logins', 60])
  logins.close()
  await Promise.all(held)
})

test('of more keys than are remembered the oldest is forgotten, and of those that are over all', () => {
  const windows = new Windows(100, 3)
  for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) windows.at(key, index).count += 1
  assert.equal(windows.find('a', 4), undefined)
  assert.deepEqual(windows.find('b', 4), { count: 1, endsAt: 101 })
  windows.at('e', 102).count += 1
  assert.deepEqual([windows.size, windows.find('c', 102), windows.find('d', 102)?.count], [2, undefined, 1])
  // Begun anew, it is the youngest.
  windows.at('c', 102)
  assert.equal(windows.size, 3)
  windows.at('f', 103)
  assert.deepEqual([windows.find('d', 103), windows.find('c', 103)?.count], [undefined, 0])
})

/** A foreman that knows the token `good`, and the lines that it logs. */
async function startGuarded(t: TestContext) {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(line))
      done()
    }
  })
  const fake = await startFake(t)
  const foreman = await startForeman(t, { target: fake.url }, { logger: { level: 'info', stream } })
  const { app } = foreman
  // What it finds there is in the log as well.
  await ready(app)
  const logins = new FailedLogins({ perMinute: 3, audit: app.audit, holdMs: 0 })
  app.access.identifyBy(({ headers }, request) =>
    headers.authorization === 'Bearer good'
      ? soleCaller
      : logins.refuse(request.request, unauthorized('This token is not known', true))
  )
  const ask = (token: string, path = '/jobs') =>
    fetch(foreman.url + path, { headers: { authorization: `Bearer ${token}` } })
  return { app, ask, lines }
}

test('in a flood of wrong tokens a valid one always passes, and the log stays short', async t => {
  const { app, ask, lines } = await startGuarded(t)
  for (let times = 0; times < 3; times++) {
    const answer = await ask('wrong')
    assert.equal(answer.status, 401)
    assert.match(answer.headers.get('www-authenticate')!, /error="invalid_token"/)
  }
  const linesBefore = lines.length
  for (let times = 0; times < 20; times++) {
    const [wrong, good] = await Promise.all([ask('wrong'), ask('good')])
    assert.equal(wrong.status, 429)
    assert.equal(wrong.headers.get('connection'), 'close')
    const { code, type } = (await wrong.json()) as Record<string, unknown>
    assert.deepEqual([code, type], ['too_many_failed_logins', '/problems/too_many_failed_logins'])
    const afterS = Number(wrong.headers.get('retry-after'))
    assert.ok(afterS > 0 && afterS <= 60, String(afterS))
    assert.equal(good.status, 200)
  }
  const said = lines.slice(linesBefore).map(({ level, msg }) => [level, msg])
  assert.deepEqual(said, [
    [30, 'audit'],
    [40, 'too many failed logins']
  ])
  assert.deepEqual(
    app.audit.before(Number.MAX_SAFE_INTEGER, 10).map(({ action, result }) => [action, result]),
    [
      ['auth.denied', 'too_many_failed_logins'],
      ['auth.denied', 'unauthorized']
    ]
  )
})

test('it is refused in the shape of the route', async t => {
  const { ask } = await startGuarded(t)
  for (let times = 0; times < 3; times++) await ask('wrong')
  const answer = await ask('wrong', '/api/tags')
  assert.equal(answer.status, 429)
  assert.match(
    ((await answer.json()) as { error: string }).error,
    /^Too many failed logins .* try again in \d+ s/
  )
})

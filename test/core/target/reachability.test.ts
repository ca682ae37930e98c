import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { TargetError } from '../../../core/target/client.ts'
import { Reachability, type ReachabilityOptions } from '../../../core/target/reachability.ts'
import { startClient, startHttp, unusedUrl } from './servers.ts'

function startReachability(t: TestContext, url: string, options?: ReachabilityOptions): Reachability {
  const reachability = new Reachability(startClient(t, url), options)
  t.after(() => reachability.close())
  return reachability
}

/** When a probe arrived, and when the next one is to be made. */
async function planAfter(
  reachability: Reachability,
  arrival: () => number | undefined
): Promise<[number, number]> {
  for (;;) {
    const { state } = reachability
    const plannedAt = state.status === 'down' ? state.nextProbeAt.getTime() : 0
    const arrivedAt = arrival()
    if (arrivedAt !== undefined && plannedAt > arrivedAt) return [arrivedAt, plannedAt]
    await turn()
  }
}

test('it is unknown before the first probe and up after an answer', async t => {
  const asked: string[] = []
  const url = await startHttp(t, (req, res) => {
    asked.push(`${req.method} ${req.url}`)
    res.end('{"version":"0.33.0"}')
  })
  const reachability = startReachability(t, url)
  assert.deepEqual(reachability.state, { status: 'unknown' })
  const up = once(reachability, 'up')
  reachability.start()
  await up
  assert.deepEqual(reachability.state, { status: 'up' })
  assert.deepEqual(asked, ['GET /api/version'])
})

test('a target that is away is down, with the reason and the time of the next probe', async t => {
  const reachability = startReachability(t, await unusedUrl())
  const down = once(reachability, 'down')
  const before = Date.now()
  reachability.start()
  const [error] = await down
  assert.equal(error.kind, 'refused')
  const { state } = reachability
  assert.ok(state.status === 'down')
  assert.equal(state.error, error)
  assert.ok(state.since.getTime() >= before)
  assert.equal(Math.round((state.nextProbeAt.getTime() - state.since.getTime()) / 100), 5)
})

for (const [what, status, body] of [
  ['an error of a proxy', 502, '<html>Bad Gateway</html>'],
  ['something else than JSON', 200, '<html>Welcome</html>']
] as const) {
  test(`${what} is not the target`, async t => {
    const url = await startHttp(t, (_req, res) => res.writeHead(status).end(body))
    const reachability = startReachability(t, url)
    reachability.start()
    await once(reachability, 'down')
  })
}

test('probing goes on with growing pauses up to the longest and ends with the first answer', async t => {
  let answers = false
  let probes = 0
  const third = Promise.withResolvers<void>()
  const url = await startHttp(t, (_req, res) => {
    if (++probes === 3) third.resolve()
    res.writeHead(answers ? 200 : 503).end('{}')
  })
  const reachability = startReachability(t, url, { maxPauseMs: 20 })
  const timers = countTimers()
  let downs = 0
  reachability.on('down', () => {
    downs += 1
  })
  reachability.start()
  await third.promise
  answers = true
  await once(reachability, 'up')
  assert.equal(downs, 1, 'down is told once')
  assert.equal(countTimers(), timers, 'no probe is planned any more')
})

test('pauses start at half a second and double up to the longest', async t => {
  const arrivals: number[] = []
  const url = await startHttp(t, (_req, res) => {
    arrivals.push(Date.now())
    res.writeHead(503).end()
  })
  const reachability = startReachability(t, url, { maxPauseMs: 800 })
  reachability.start()
  for (const [n, pauseMs] of [500, 800].entries()) {
    const [arrivedAt, plannedAt] = await planAfter(reachability, () => arrivals[n])
    // Planned after the probe before it, and told before now.
    assert.ok(plannedAt >= arrivedAt + pauseMs && plannedAt <= Date.now() + pauseMs)
  }
})

test('markDown starts probing at once and markUp ends it', async t => {
  const url = await startHttp(t, (_req, res) => res.end('{}'))
  const reachability = startReachability(t, url, { maxPauseMs: 10 })
  const failure = new TargetError('reset')
  const down = once(reachability, 'down')
  const up = once(reachability, 'up')
  reachability.markDown(failure)
  reachability.markDown(new TargetError('refused'))
  assert.equal((await down)[0], failure)
  await up
  reachability.markDown(failure)
  reachability.markUp()
  assert.deepEqual(reachability.state, { status: 'up' })
})

test('close ends a probe in progress and tells nothing more', async t => {
  const arrived = Promise.withResolvers<void>()
  const url = await startHttp(t, req => {
    arrived.resolve()
    req.socket.once('close', () => closed.resolve())
  })
  const closed = Promise.withResolvers<void>()
  const reachability = startReachability(t, url)
  reachability.on('down', error => assert.fail(error))
  reachability.start()
  await arrived.promise
  reachability.close()
  reachability.markDown(new TargetError('reset'))
  await closed.promise
  assert.deepEqual(reachability.state, { status: 'unknown' })
})

/** Timers that keep the process alive. */
function countTimers(): number {
  return process.getActiveResourcesInfo().filter(resource => resource === 'Timeout').length
}

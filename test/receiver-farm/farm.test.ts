/** The farm does as the names of its receivers say, or the tests that lean on it would prove nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ReceiverFarm, type ReceiverName, receiverNames, startFarm } from './start.ts'

const settings = { slow_ms: 300, trickle_ms: 100, flaky_failures: 2, retry_after_ms: 5000 }
/** For those that go on for ever. */
const shortMs = 1500
/** For those that come to an end, or to a megabyte. */
const longMs = 60_000

interface Met {
  readonly status?: number
  readonly headers?: Headers
  /** Bytes of the body that came, up to a megabyte, and whether it ended by itself. */
  readonly bytes?: number
  readonly whole?: boolean
  /** Code or name of what went wrong before there was a status. */
  readonly error?: string
}

/** Status or error, and for a body that is part of the trick its size. */
const expected: Record<ReceiverName, { status?: number; error?: RegExp; whole?: boolean; atLeast?: number }> =
  {
    healthy: { status: 200, whole: true },
    slow: { status: 200, whole: true },
    flaky: { status: 200, whole: true },
    hanging: { error: /TimeoutError/ },
    redirecting: { status: 301, whole: true },
    failing: { status: 500, whole: true },
    missing: { status: 404, whole: true },
    gone: { status: 410, whole: true },
    throttling_seconds: { status: 429 },
    throttling_date: { status: 503 },
    throttling_nonsense: { status: 429 },
    throttling_forever: { status: 503 },
    self_signed: { error: /DEPTH_ZERO_SELF_SIGNED_CERT/ },
    resetting_at_once: { error: /ECONNRESET/ },
    resetting_in_head: { error: /ECONNRESET/ },
    resetting_in_body: { status: 200, whole: false },
    closing: { error: /UND_ERR_SOCKET/ },
    deaf: { error: /TimeoutError/ },
    huge_honest: { status: 200, whole: false, atLeast: 1e6 },
    huge_lying: { status: 200, atLeast: 10 },
    huge_endless: { status: 200, whole: false, atLeast: 1e6 },
    gzip_bomb: { status: 200, whole: false, atLeast: 1e6 },
    speaking_ssh: { error: /HTTPParserError/ },
    garbage: { error: /HTTPParserError/ },
    endless_headers: { error: /UND_ERR_HEADERS_OVERFLOW/ },
    informational_flood: { error: /TimeoutError/ },
    trickling_head: { error: /TimeoutError/ },
    trickling_body: { status: 200, whole: false, atLeast: 2 }
  }

/** What only the caller ends. */
const endless: ReadonlySet<ReceiverName> = new Set([
  ...(['hanging', 'deaf', 'huge_lying', 'informational_flood'] as const),
  ...(['trickling_head', 'trickling_body'] as const)
])

test('every receiver does as its name says, and the farm goes on', async t => {
  const farm = await startFarm(t, settings)
  const met = await Promise.all(receiverNames.map(name => meetAll(farm, name)))
  for (const [index, name] of receiverNames.entries()) assertMet(name, met[index]!)
  const counts = await farm.counts()
  for (const name of receiverNames) assert.ok(counts[name].connections > 0, name)
  assert.equal(counts.trap.connections, 0)
})

test('what came is kept as it came', async t => {
  const farm = await startFarm(t)
  const waiting = farm.waitFor(({ receiver }) => receiver === 'healthy')
  const body = '{"a": "ü\\u0000"}\n'
  await fetch(farm.url('healthy', 'of/a?job=1'), { method: 'POST', body, headers: { 'webhook-id': 'evt_1' } })
  const [visit] = await waiting
  assert.deepEqual([visit!.n, visit!.status], [1, 200])
  assert.deepEqual([visit!.request!.path, visit!.request!.body], ['/of/a?job=1', body])
  assert.equal(visit!.request!.headers['webhook-id'], 'evt_1')
  assert.deepEqual(await farm.visits(1), [])
  await assert.rejects(farm.configure({ slowness: 1 } as object), /no setting slowness/)
})

test('redirects take turns between a trap that counts and the metadata address', async t => {
  const farm = await startFarm(t)
  const seen = []
  for (let call = 0; call < 10; call++) seen.push(await meet(farm, 'redirecting'))
  const targets = seen.map(({ headers }) => headers!.get('location')!)
  assert.deepEqual(seen.map(({ status }) => status).slice(0, 5), [301, 302, 303, 307, 308])
  assert.ok(targets.slice(5).every(url => url.startsWith('http://169.254.169.254/')))
  await fetch(targets[0]!)
  assert.equal((await farm.counts()).trap.connections, 1)
})

/** The flaky one's first answers are failures: what counts is the one after them. */
async function meetAll(farm: ReceiverFarm, name: ReceiverName): Promise<Met> {
  if (name === 'flaky') {
    for (let call = 0; call < settings.flaky_failures; call++) {
      const { status, error } = await meet(farm, name, shortMs)
      assert.ok(status === 500 || error !== undefined, `flaky answered ${status}`)
    }
  }
  return meet(farm, name)
}

async function meet(
  farm: ReceiverFarm,
  name: ReceiverName,
  patienceMs = endless.has(name) ? shortMs : longMs
): Promise<Met> {
  const signal = AbortSignal.timeout(patienceMs)
  const headers = { 'webhook-id': 'evt_1' }
  try {
    const url = farm.url(name)
    const answer = await fetch(url, { method: 'POST', body: '{}', redirect: 'manual', headers, signal })
    return { status: answer.status, headers: answer.headers, ...(await read(answer)) }
  } catch (err) {
    const { name, cause } = err as Error & { cause?: { code?: string; name?: string } }
    return { error: `${name} ${cause?.code ?? ''} ${cause?.name ?? ''}` }
  }
}

async function read(answer: Response): Promise<{ bytes: number; whole: boolean }> {
  let bytes = 0
  try {
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.length
      if (bytes > 1e6) return { bytes, whole: false }
    }
    return { bytes, whole: true }
  } catch {
    return { bytes, whole: false }
  }
}

function assertMet(name: ReceiverName, met: Met): void {
  const { status, error, whole, atLeast = 0 } = expected[name]
  const text = `${name}: ${JSON.stringify(met)}`
  assert.equal(met.status, status, text)
  if (error !== undefined) assert.match(met.error ?? '', error, text)
  if (whole !== undefined) assert.equal(met.whole, whole, text)
  assert.ok((met.bytes ?? 0) >= atLeast, text)
  if (name === 'throttling_seconds') assert.equal(met.headers!.get('retry-after'), '5')
  if (name === 'throttling_date') assert.ok(Date.parse(met.headers!.get('retry-after')!) > Date.now())
}

/** What every route must say while nothing can be written: no to what is new, yes to who only looks. */
import assert from 'node:assert/strict'

const body = JSON.stringify({ model: 'alpha', prompt: 'hello' })
const json = { 'content-type': 'application/json' }
/** Told of nothing that happens here. */
const endpoint = JSON.stringify({ url: 'https://hooks.example.com/', events: ['webhook_endpoint.test'] })

interface Ask {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const newcomers: readonly Ask[] = [
  { path: '/jobs', headers: json, body },
  { path: '/jobs', headers: { ...json, 'idempotency-key': 'a' }, body },
  { path: '/api/generate', headers: { ...json, prefer: 'respond-async' }, body },
  { path: '/artifacts', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(200_000) }
]

/** Every way in is closed with 503 `storage_low` and the time to come back. @throws {AssertionError} */
export async function assertRefused(url: string): Promise<void> {
  for (const { path, headers, body } of newcomers) {
    const answer = await fetch(url + path, { method: 'POST', headers, body })
    const text = await answer.text()
    assert.equal(answer.status, 503, `${path}: ${text}`)
    assert.equal(answer.headers.get('foreman-error-code'), 'storage_low', path)
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/, path)
  }
  assert.deepEqual(await codesOfLines(url), ['storage_low'])
  assert.equal((await fetch(`${url}/readyz`)).status, 503)
}

/** Lines are refused all at once, or each for itself. */
async function codesOfLines(url: string): Promise<unknown[]> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body: `${body}\n${body}` })
  const lines = (await answer.text()).trim().split('\n')
  const codes = lines.map(line => JSON.parse(line)).map(({ code, error }) => code ?? error?.code)
  return [...new Set(codes)]
}

/** Whoever only looks is answered. @throws {AssertionError} */
export async function assertReadable(url: string, jobId: string): Promise<void> {
  const job = `/jobs/${jobId}`
  const ofJob = [job, `${job}?include=request`, `${job}/events`, `${job}/why`, `${job}/artifacts`]
  const webhooks = ['/webhook-endpoints', '/webhook-deliveries', '/webhook-keys']
  for (const path of [...ofJob, ...webhooks, '/jobs', '/queue', '/healthz', '/api/tags', '/api/version']) {
    const answer = await fetch(url + path)
    const text = await answer.text()
    assert.equal(answer.status, 200, `${path}: ${text}`)
  }
}

/** What changes something may succeed or not, and says which. @throws {AssertionError} */
export async function assertHonest(url: string, jobId: string): Promise<void> {
  for (const [method, path] of [
    ['POST', '/queue/pause'],
    ['POST', '/queue/resume'],
    ['POST', '/webhook-secret/rotate'],
    ['POST', '/webhook-endpoints'],
    ['POST', `/jobs/${jobId}/cancel`],
    ['DELETE', `/jobs/${jobId}`]
  ] as const) {
    const isNew = path === '/webhook-endpoints'
    const answer = await fetch(url + path, { method, ...(isNew && { headers: json, body: endpoint }) })
    const code = answer.headers.get('foreman-error-code')
    assert.ok(answer.status < 500 || code === 'storage_low', `${path}: ${await answer.text()}`)
  }
}

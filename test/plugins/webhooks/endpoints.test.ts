/** Standing endpoints: made, listed, changed and removed, each by whom it belongs to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProblem, type ShownDelivery, type ShownEndpoint, startStage } from './stage.ts'

const hour = 3_600_000

test('an endpoint is told of jobs, and its secret is shown once', async t => {
  const stage = await startStage(t)
  const { receiver } = stage
  const made = await stage.ask<ShownEndpoint>('POST', '/webhook-endpoints', {
    body: { url: receiver.url, description: 'first' }
  })
  assert.equal(made.status, 201, made.text)
  const { secret, ...endpoint } = made.body
  assert.match(secret!, /^whsec_[A-Za-z0-9+/]{43}=$/)
  assert.equal(made.headers.get('cache-control'), 'no-store')
  assert.equal(made.headers.get('location'), `/webhook-endpoints/${endpoint.id}`)
  assert.deepEqual(
    [endpoint.events, endpoint.payload, endpoint.format, endpoint.signing, endpoint.all_owners],
    [['job.*'], 'full', 'standard', 'hmac', true]
  )
  assert.deepEqual(endpoint.health, { failures: 0, failing_since: null })
  const found = await stage.ask('GET', `/webhook-endpoints/${endpoint.id}`)
  assert.deepEqual(found.body, endpoint)
  assert.deepEqual((await stage.ask('GET', '/webhook-endpoints')).body, { data: [endpoint] })

  const job = await stage.submit()
  assert.equal((await receiver.nth(1)).json.type, 'job.queued')
  const last = await receiver.nth(4)
  assert.deepEqual([last.json.type, last.json.data.id], ['job.done', job.id])
})

test('a change is told at once, and what is left out stays', async t => {
  const stage = await startStage(t)
  const { receiver } = stage
  const { id } = await stage.endpoint({ events: ['job.done'], headers: { 'X-Key': 'one' } })
  const path = `/webhook-endpoints/${id}`
  const body = { url: `${receiver.url}?moved=1`, payload: 'thin', format: 'cloudevents' }
  const changed = await stage.ask<ShownEndpoint>('PATCH', path, { body })
  assert.equal(changed.status, 200, changed.text)
  assert.deepEqual([changed.body.events, changed.body.header_names], [['job.done'], ['x-key']])
  assert.equal(changed.body.secret, undefined)
  const job = await stage.submit()
  const told = await receiver.nth(1)
  assert.deepEqual([told.path, told.headers['x-key']], ['/hook?moved=1', 'one'])
  assert.match(told.headers['content-type']!, /^application\/cloudevents\+json/)
  assert.equal(told.json.type, 'foreman.job.done')
  assert.deepEqual(Object.keys(told.json.data), ['id', 'state', 'seq', 'urls'])
  assert.equal(told.json.data.id, job.id)
  const without = await stage.ask<ShownEndpoint>('PATCH', path, { body: { headers: {} } })
  assert.deepEqual(without.body.header_names, [])
})

test('one that was failing is as new when it is moved', async t => {
  const stage = await startStage(t)
  stage.receiver.answers({ status: 500 })
  const { id } = await stage.endpoint()
  const path = `/webhook-endpoints/${id}`
  await stage.ask('POST', `${path}/test`, { headers: { prefer: 'wait=20' } })
  const health = async () => (await stage.ask<{ health: { failures: number } }>('GET', path)).body.health
  assert.equal((await health()).failures, 1)
  await stage.ask('PATCH', path, { body: { url: stage.receiver.url } })
  assert.equal((await health()).failures, 1, 'the same URL is the same receiver')
  await stage.ask('PATCH', path, { body: { url: `${stage.receiver.url}/other` } })
  assert.deepEqual(await health(), { failures: 0, failing_since: null })
})

test('what cannot be is refused where it stands', async t => {
  const stage = await startStage(t)
  const { url } = stage.receiver
  const wrong: [draft: object, pointer: string][] = [
    [{}, '/url'],
    [{ url, events: [] }, '/events'],
    [{ url, events: ['job.*', 'job.finished'] }, '/events/1'],
    [{ url, events: ['job*'] }, '/events/0'],
    [{ url, payload: 'fat' }, '/payload'],
    [{ url, secret: 'whsec_AAAA' }, '/secret'],
    [{ url, description: 'd'.repeat(201) }, '/description'],
    [{ url, headers: { 'X-A': '' } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': 'a\r\nb: c' } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': 'é' } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': 'v'.repeat(1025) } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': '1', 'x-a': '2' } }, '/headers/x-a'],
    [{ url, headers: { 'a b': '1' } }, '/headers/a b'],
    [{ url, headers: { 'a/~': '1' } }, '/headers/a~1~0'],
    ...forbidden.map((name): [object, string] => [{ url, headers: { [name]: '1' } }, `/headers/${name}`]),
    [{ url, headers: { a: '1', b: '1', c: '1', d: '1', e: '1', f: '1' } }, '/headers']
  ]
  for (const [body, pointer] of wrong) {
    const answer = await stage.ask('POST', '/webhook-endpoints', { body })
    const { errors } = assertProblem(answer, 422, 'validation_failed')
    assert.equal(errors![0]!.pointer, pointer, answer.text)
  }
  const typo = await stage.ask('POST', '/webhook-endpoints', { body: { url, events: ['job.finnished'] } })
  assert.match(assertProblem(typo, 422, 'validation_failed').detail, /the nearest that does is job\.failed/)
  assert.deepEqual((await stage.ask('GET', '/webhook-endpoints')).body, { data: [] })
})

const forbidden = [
  ...[
    'Host',
    'Connection',
    'Keep-Alive',
    'TE',
    'Transfer-Encoding',
    'Upgrade',
    'Expect',
    'Proxy-Authorization'
  ],
  ...['Content-Type', 'Content-Length', 'User-Agent', 'Traceparent', 'Webhook-Id', 'Foreman-Delivery-Id']
]

test('a URL that nothing may be sent to is refused when it is given, and when it is changed', async t => {
  const stage = await startStage(t, { settings: { host: '127.0.0.1' } })
  const refused = [
    ...['http://hooks.example.com/', 'https://127.0.0.1/', 'https://[::1]/', 'https://2130706433/'],
    ...[
      'https://169.254.169.254/',
      'https://localhost./',
      'https://10.0.0.1/',
      'https://a:b@hooks.example.com/'
    ],
    ...['https://hooks.example.com/#a', 'https://hooks.example.com:22/', 'ftp://hooks.example.com/', 'hooks'],
    ...[`${stage.url}/jobs`, `${stage.fake.url}/api/chat`]
  ]
  const { id } = await stage.endpoint()
  for (const url of refused) {
    const made = await stage.ask('POST', '/webhook-endpoints', { body: { url } })
    assertProblem(made, 422, 'webhook_url_refused')
    const changed = await stage.ask('PATCH', `/webhook-endpoints/${id}`, { body: { url } })
    assertProblem(changed, 422, 'webhook_url_refused')
  }
  const { body } = await stage.ask<ShownEndpoint>('GET', `/webhook-endpoints/${id}`)
  assert.equal(body.url, stage.receiver.url)
  const spelt = await stage.endpoint({ url: 'HTTPS://Hooks.Example.COM.:443/a?b=c', events: ['target.down'] })
  assert.equal(spelt.url, 'https://hooks.example.com/a?b=c')
})

test('endpoints have a limit for each owner', async t => {
  const stage = await startStage(t, { webhooks: { max_endpoints: 1 }, auth: {} })
  const mine = await stage.token(['webhooks'])
  const { id } = await stage.endpoint({}, mine)
  const body = { url: stage.receiver.url }
  assertProblem(
    await stage.ask('POST', '/webhook-endpoints', { body, token: mine }),
    409,
    'too_many_endpoints'
  )
  await stage.endpoint({}, await stage.token(['webhooks']))
  const removed = await stage.ask('DELETE', `/webhook-endpoints/${id}`, { token: mine })
  assert.equal(removed.status, 204)
  await stage.endpoint({}, mine)
})

test('owners see their own endpoints, and are told of their own jobs', async t => {
  const stage = await startStage(t, { auth: {} })
  const scopes = ['webhooks', 'jobs:write', 'jobs:read']
  const [mine, theirs] = [await stage.token(scopes), await stage.token(scopes)]
  const { receiver } = stage
  const only = { events: ['job.done'] }
  const { id, owner } = await stage.endpoint({ ...only, url: `${receiver.url}/mine?key=secret` }, mine)
  await stage.endpoint({ ...only, url: `${receiver.url}/theirs` }, theirs)
  await stage.endpoint({ ...only, url: `${receiver.url}/all` })
  await stage.endpoint({ ...only, url: `${receiver.url}/admin`, all_owners: false })
  const urls = async (token?: string) => {
    const { body } = await stage.ask<{ data: ShownEndpoint[] }>(
      'GET',
      '/webhook-endpoints',
      token === undefined ? {} : { token }
    )
    return body.data.map(({ url }) => url.slice(receiver.url.length))
  }
  assert.deepEqual(await urls(mine), ['/mine?key=secret'])
  assert.deepEqual(await urls(theirs), ['/theirs'])
  assert.deepEqual(await urls(), ['/mine', '/theirs', '/all', '/admin'], 'a query may be a secret')
  assert.equal(typeof owner, 'string')
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/test']
  ] as const) {
    const answer = await stage.ask(method, `/webhook-endpoints/${id}${path}`, { token: theirs })
    assertProblem(answer, 404, 'not_found')
  }
  await stage.submit({ model: 'alpha', prompt: 'hello' }, mine)
  const paths = [await receiver.nth(1), await receiver.nth(2)].map(({ path }) => path)
  assert.deepEqual(paths.toSorted(), ['/hook/all', '/hook/mine?key=secret'])
  const deliveries = await stage.ask<{ data: ShownDelivery[] }>('GET', '/webhook-deliveries', {
    token: theirs
  })
  assert.deepEqual(deliveries.body.data, [])
})

test('what needs another scope is refused', async t => {
  const stage = await startStage(t, { auth: {} })
  const { url } = stage.receiver
  const plain = await stage.token(['webhooks'])
  const reading = await stage.token(['webhooks', 'models:read'])
  const refused: [draft: object, token: string, scope: string][] = [
    [{ all_owners: true }, reading, 'admin'],
    [{ events: ['model.added'] }, plain, 'models:read'],
    [{ events: ['job.*', 'target.*'] }, plain, 'models:read'],
    [{ events: ['*'] }, plain, 'models:read']
  ]
  for (const [draft, token, scope] of refused) {
    const answer = await stage.ask('POST', '/webhook-endpoints', { body: { url, ...draft }, token })
    assert.match(assertProblem(answer, 403, 'insufficient_scope').detail, new RegExp(`the scope ${scope},`))
  }
  const made = await stage.endpoint({ events: ['*'] }, reading)
  assert.equal(made.all_owners, false)
  const { id } = await stage.endpoint({ all_owners: false }, plain)
  const change = await stage.ask('PATCH', `/webhook-endpoints/${id}`, {
    body: { events: ['*'] },
    token: plain
  })
  assertProblem(change, 403, 'insufficient_scope')
  const all = await stage.ask('PATCH', `/webhook-endpoints/${id}`, { body: { all_owners: true } })
  assertProblem(all, 422, 'validation_failed')
})

test('what is still open for an endpoint is over when it is removed', async t => {
  const stage = await startStage(t, { webhooks: { retry_schedule_s: [hour / 1000] } })
  stage.receiver.answers({ status: 500 })
  const { id } = await stage.endpoint({ events: ['job.queued'] })
  const job = await stage.submit()
  const delivery = await stage.settled(await stage.receiver.nth(1))
  assert.equal(delivery.state, 'retrying')
  await stage.ended(job.id)
  assert.equal((await stage.ask('DELETE', `/webhook-endpoints/${id}`)).status, 204)
  const { state, reason, next_attempt_at } = await stage.delivery(delivery.id)
  assert.deepEqual([state, reason, next_attempt_at], ['exhausted', 'endpoint_removed', null])
  assertProblem(await stage.ask('GET', `/webhook-endpoints/${id}`), 404, 'not_found')
  const again = await stage.ask('POST', `/webhook-deliveries/${delivery.id}/redeliver`)
  assertProblem(again, 410, 'endpoint_removed')
})

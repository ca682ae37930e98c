/** Nothing that is secret or private gets into a log line, an error, the audit log or the metrics: words are planted and looked for. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'

test('tokens, prompts, answers, secrets and queries are in no log line, no error, no audit row and no metric', {
  timeout: 60_000
}, async t => {
  const fake = await startFake(t)
  const plugins = { auth: { path_prefix: true, failed_logins_per_minute: 3 } }
  const foreman = await spawnForeman(t, { target: fake.url, settings: { log_level: 'trace', plugins } })
  const admin = readFileSync(join(foreman.dataDir, 'admin-token'), 'utf8').trim()
  const word = (kind: string) => `canary-${kind}-${randomUUID()}`
  const [prompt, wrong, query, metadata, name] = ['prompt', 'token', 'query', 'metadata', 'file'].map(
    word
  ) as string[]
  const errors: string[] = []
  const ask = async (path: string, init: RequestInit = {}, token: string | undefined = admin) => {
    const headers = {
      ...init.headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` })
    } as Record<string, string>
    const answer = await fetch(foreman.url + path, { ...init, headers })
    const text = await answer.text()
    if (!answer.ok) errors.push(text)
    return text
  }
  const post = (body: unknown): RequestInit => ({
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' }
  })
  await ask(
    '/api/chat',
    post({ model: 'alpha', messages: [{ role: 'user', content: prompt }], stream: false })
  )
  await ask('/v1/chat/completions', post({ model: 'none', messages: [{ role: 'user', content: prompt }] }))
  await ask(
    '/v1/messages',
    post({ model: 'alpha', tools: [{ type: 'web_search_20250305' }], messages: [{ content: prompt }] })
  )
  const { id } = JSON.parse(await ask('/jobs', post({ model: 'alpha', prompt, metadata: { metadata } })))
  await ask(`/jobs/${id}`, { headers: { prefer: 'wait=20' } })
  const { result } = JSON.parse(await ask(`/jobs/${id}`)) as { result: { response: string } }
  assert.ok(result.response.length > 0)
  await ask('/jobs', post({ model: 'none', prompt, metadata: { metadata } }))
  await ask('/jobs', post({ model: 'alpha', prompt, unknown: prompt, priority: 3 }))
  await ask('/jobs', { ...post({}), body: `{"model": "alpha", "prompt": "${prompt}" broken` })
  await ask(`/jobs?metadata.x=${query}&cursor=none`)
  await ask(`/nowhere?secret=${query}`)
  await ask(`/t/${admin}/api/tags`, {}, undefined)
  await ask(`/t/${admin}/jobs/none`, {}, undefined)
  for (let n = 0; n < 6; n += 1) await ask(`/api/tags?q=${query}`, {}, wrong)
  await ask(`/t/${wrong}/api/tags`, {}, undefined)
  await ask('/api/tags', { headers: { authorization: `Basic ${wrong}` } }, undefined)
  const made = JSON.parse(await ask('/tokens', post({ name: 'second', scopes: ['admin'] }))) as {
    id: string
    token: string
  }
  const next = JSON.parse(await ask(`/tokens/${made.id}/rotate`, post({}))) as { token: string }
  const { ticket } = JSON.parse(await ask('/stream-tickets', post({}))) as { ticket: string }
  await ask(`/jobs/${id}/events?ticket=${ticket}`, {}, undefined)
  await ask('/artifacts', {
    method: 'POST',
    body: prompt,
    headers: { 'content-disposition': `attachment; filename="${name}"` }
  })
  await ask(`/jobs/${id}/cancel?q=${query}`, { method: 'POST' })
  const audit = await ask('/audit?limit=1000')
  assert.match(audit, /token\.create/)
  assert.match(audit, /auth\.denied/)
  const metrics = await ask('/metrics')
  assert.match(metrics, /^foreman_auth_failures_total\{reason="unknown"\} [1-9]/m)
  const { stderr } = await foreman.kill('SIGTERM')
  const log = foreman.logs.map(line => JSON.stringify(line)).join('\n') + stderr
  assert.match(log, /request refused/)
  const secrets = {
    admin,
    wrong,
    made: made.token,
    next: next.token,
    ticket,
    prompt,
    answer: result.response,
    query,
    metadata,
    name
  }
  assert.doesNotMatch(metrics, /job_[0-9a-z]{26}|tok_[0-9a-z]{26}|127\.0\.0\.1/)
  for (const [what, secret] of Object.entries(secrets)) {
    assert.ok(!log.includes(secret!), `${what} is in the log`)
    assert.ok(!audit.includes(secret!), `${what} is in the audit log`)
    assert.ok(!metrics.includes(secret!), `${what} is in the metrics`)
    assert.ok(!errors.join('\n').includes(secret!), `${what} is in an error`)
  }
})

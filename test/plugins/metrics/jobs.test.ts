import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'
import { type Scrape, scrape } from './scrape.ts'

const alpha = 'alpha:latest'

async function start(t: TestContext, fakeOptions = {}, settings = {}) {
  const fake = await startFake(t, fakeOptions)
  const foreman = await startForeman(t, { target: fake.url, settings })
  // From the first list on the installed models have their series.
  await foreman.app.catalog.refresh()
  const post = (path: string, body: unknown, headers = {}) =>
    fetch(foreman.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body)
    })
  return { ...foreman, fake, post }
}

/** A job to its end. */
async function finished(post: Awaited<ReturnType<typeof start>>['post'], body: object) {
  const res = await post('/jobs', body, { prefer: 'wait=20' })
  return (await res.json()) as { id: string; state: string }
}

/** What moved between two scrapes, of one family. */
function moved(before: Scrape, after: Scrape, family: string): Record<string, number> {
  const names = [...after.samples.keys()].filter(key => key.startsWith(family))
  const changes = names.map(key => [key, after.samples.get(key)! - (before.samples.get(key) ?? 0)] as const)
  return Object.fromEntries(changes.filter(([, change]) => change !== 0))
}

test('a job that is done is counted once in each family', async t => {
  const { url, post } = await start(t)
  const before = await scrape(url)
  assert.equal((await finished(post, { model: 'alpha', prompt: 'one two three' })).state, 'done')
  const after = await scrape(url)
  const change = (family: string) => moved(before, after, family)
  assert.deepEqual(change('foreman_jobs_created_total'), {
    [`foreman_jobs_created_total{kind="generate",model="${alpha}",priority="normal"}`]: 1
  })
  assert.deepEqual(change('foreman_jobs_finished_total'), {
    [`foreman_jobs_finished_total{kind="generate",model="${alpha}",outcome="done"}`]: 1
  })
  assert.deepEqual(change('foreman_job_errors_total'), {})
  assert.deepEqual(change('foreman_job_attempts_total'), {
    [`foreman_job_attempts_total{model="${alpha}",result="success"}`]: 1
  })
  assert.deepEqual(change('foreman_llm_finish_total'), {
    [`foreman_llm_finish_total{model="${alpha}",reason="stop"}`]: 1
  })
  const histograms = [
    'foreman_job_queue_wait_seconds_count{priority="normal"}',
    `foreman_job_run_duration_seconds_count{model="${alpha}",outcome="done"}`,
    'foreman_job_duration_seconds_count{kind="generate",outcome="done"}',
    `foreman_job_time_to_first_token_seconds_count{model="${alpha}"}`,
    `foreman_llm_time_to_first_token_seconds_count{load="cold",model="${alpha}"}`,
    `foreman_llm_time_per_output_token_seconds_count{model="${alpha}"}`,
    `foreman_llm_model_load_seconds_count{model="${alpha}"}`,
    `foreman_llm_request_tokens_count{model="${alpha}",type="input"}`,
    `foreman_llm_request_tokens_count{model="${alpha}",type="output"}`
  ]
  for (const key of histograms) assert.equal(change(key)[key], 1, key)
  assert.equal(after.value('foreman_swap_loads_total'), 1)
  assert.equal(after.sum('foreman_eta_jobs_total'), 1)
})

test("tokens and times are the target's own numbers, whatever the surface and the way of answering", async t => {
  const { url, post } = await start(t, { token_count: 7 })
  const messages = [{ role: 'user', content: 'one two three four' }]
  const openAi = { model: 'alpha', messages }
  const calls: [path: string, body: object][] = [
    ['/api/chat', { model: 'alpha', messages }],
    ['/api/chat', { model: 'alpha', messages, stream: false }],
    ['/api/generate', { model: 'alpha', prompt: 'one two three four' }],
    ['/v1/chat/completions', openAi],
    ['/v1/chat/completions', { ...openAi, stream: true, stream_options: { include_usage: true } }],
    ['/v1/responses', { model: 'alpha', input: 'one two three four' }],
    ['/v1/responses', { model: 'alpha', input: 'one two three four', stream: true }],
    ['/v1/messages', { model: 'alpha', messages, max_tokens: 50 }],
    ['/v1/messages', { model: 'alpha', messages, max_tokens: 50, stream: true }]
  ]
  for (const [path, body] of calls) {
    const before = await scrape(url)
    const res = await post(path, body)
    const text = await res.text()
    assert.equal(res.status, 200, text)
    const after = await scrape(url)
    const name = `${path} ${JSON.stringify(body)}`
    const tokens = (type: string) =>
      after.value('foreman_llm_tokens_total', { model: alpha, type })! -
      before.value('foreman_llm_tokens_total', { model: alpha, type })!
    assert.equal(tokens('output'), 7, name)
    assert.ok(tokens('input') > 0, name)
    const finish = moved(before, after, 'foreman_llm_finish_total')
    assert.deepEqual(finish, { [`foreman_llm_finish_total{model="${alpha}",reason="stop"}`]: 1 }, name)
  }
})

test('what the limit of tokens cut, and what called a tool, has its reason', async t => {
  const { url, post } = await start(t, { models: [{ name: 'alpha', capabilities: ['completion', 'tools'] }] })
  const messages = [{ role: 'user', content: 'hi' }]
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }]
  await (await post('/api/chat', { model: 'alpha', messages, options: { num_predict: 2 } })).text()
  await (await post('/api/chat', { model: 'alpha', messages, tools })).text()
  await (await post('/v1/chat/completions', { model: 'alpha', messages, tools })).text()
  const { value } = await scrape(url)
  assert.equal(value('foreman_llm_finish_total', { model: alpha, reason: 'length' }), 1)
  assert.equal(value('foreman_llm_finish_total', { model: alpha, reason: 'tool_calls' }), 2)
})

test('failures: retried, for good, and by a limit; each attempt and each end by its code', async t => {
  const settings = { retry: { backoff_s: 0.01 }, limits: { run_timeout_s: 1 } }
  const { url, post, fake } = await start(t, {}, settings)
  const strike = (kind: string, more = {}) =>
    fake.configure({ faults: [{ kind, model: 'alpha', path: '/api/chat', ...more } as never] })
  const messages = [{ role: 'user', content: 'hi' }]
  const chat = { model: 'alpha', messages, max_attempts: 3 }
  await strike('error_line', { after: 2, message: 'boom' })
  assert.equal((await finished(post, chat)).state, 'failed')
  await strike('reset', { after: 2 })
  assert.equal((await finished(post, { ...chat, max_attempts: 1 })).state, 'failed')
  await strike('stall', { after: 2 })
  assert.equal((await finished(post, chat)).state, 'failed')
  await strike('clean_end', { after: 2 })
  assert.equal((await finished(post, chat)).state, 'failed')
  const { value } = await scrape(url)
  const attempts = (result: string) => value('foreman_job_attempts_total', { model: alpha, result })
  assert.deepEqual(['retryable', 'fatal', 'timeout', 'success'].map(attempts), [4, 1, 1, 0])
  const errors = ['target_error', 'target_truncated', 'run_timeout', 'target_incomplete']
  const ends = errors.map(error_code => value('foreman_job_errors_total', { model: alpha, error_code }))
  assert.deepEqual(ends, [1, 1, 1, 1])
  assert.equal(value('foreman_jobs_finished_total', { kind: 'chat', model: alpha, outcome: 'failed' }), 4)
  assert.equal(value('foreman_llm_finish_total', { model: alpha, reason: 'error' }), 6)
  const calls = (code: string) => value('foreman_target_requests_total', { endpoint: '/api/chat', code })
  assert.deepEqual(['stream_error', 'timeout', '2xx'].map(calls), [4, 1, 1])
})

test('a job that is canceled at work, and one that never began', async t => {
  const { url, post, fake } = await start(t, { token_delay_ms: 20, token_count: 500 })
  const working = (await (await post('/jobs', { model: 'alpha', prompt: 'x' })).json()) as { id: string }
  const waiting = (await (await post('/jobs', { model: 'alpha', prompt: 'x' })).json()) as { id: string }
  await fake.waitFor('generation_start')
  for (const { id } of [waiting, working]) await post(`/jobs/${id}/cancel`, {})
  const wait = await fetch(`${url}/jobs/${working.id}`, { headers: { prefer: 'wait=20' } })
  assert.equal(((await wait.json()) as { state: string }).state, 'canceled')
  const { value, sum } = await scrape(url)
  assert.equal(
    value('foreman_jobs_finished_total', { kind: 'generate', model: alpha, outcome: 'canceled' }),
    2
  )
  assert.equal(value('foreman_job_attempts_total', { model: alpha, result: 'canceled' }), 1)
  assert.equal(value('foreman_llm_finish_total', { model: alpha, reason: 'canceled' }), 1)
  assert.equal(value('foreman_job_cancel_latency_seconds_count'), 2)
  assert.equal(value('foreman_target_requests_total', { endpoint: '/api/generate', code: '499' }), 1)
  assert.equal(sum('foreman_job_errors_total'), 0)
})

test('a key that comes again is counted by whether its request is the same', async t => {
  const { url, post } = await start(t)
  const key = { 'idempotency-key': 'k1' }
  for (const prompt of ['x', 'x', 'y']) await post('/jobs', { model: 'alpha', prompt }, key)
  const { value } = await scrape(url)
  assert.equal(value('foreman_idempotent_replays_total', { result: 'replayed' }), 1)
  assert.equal(value('foreman_idempotent_replays_total', { result: 'mismatch' }), 1)
})

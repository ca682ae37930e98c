/** The TypeScript client in trouble: refusals, answers that were lost, and a foreman that is newer than it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load } from './built.ts'
import { events, hangUp, json, problem, type Say, startSpeaking } from './speaking-server.ts'

const { Foreman, ForemanConnectionError, ForemanError, isKnown } = await load('index')
const { Patience, retryRules } = await load('retry')
const hasty = { minDelayS: 0.005, maxDelayS: 0.02 }
const job = { id: 'job_1', state: 'queued', finished_at: null, version: 1 }
const native = { model: 'alpha', prompt: 'Why?' }

test('503 with Retry-After is waited for and tried again, under one key', async t => {
  const full = problem(503, 'queue_full', true, { 'retry-after': '1' })
  const { url: baseUrl, heard } = await startSpeaking(t, full, json(job, 202))
  const delays: number[] = []
  const retry = { ...hasty, onRetry: ({ delayS }: { delayS: number }) => delays.push(delayS) }
  assert.equal((await new Foreman({ baseUrl, retry }).submit(native)).id, 'job_1')
  assert.deepEqual(delays, [1])
  const [key, ...same] = heard.map(({ headers }) => headers['idempotency-key'])
  assert.match(String(key), /^[0-9a-f]{32}$/)
  assert.deepEqual(same, [key])
})

test('a Retry-After beyond the limit is thrown at once, with all that foreman said', async t => {
  const full = problem(503, 'queue_full', true, { 'retry-after': '120' })
  const { url: baseUrl, heard } = await startSpeaking(t, full)
  await assert.rejects(new Foreman({ baseUrl, retry: hasty }).submit(native), err => {
    assert.ok(err instanceof ForemanError)
    const { status, code, detail, retryable, retryAfterS, requestId } = err
    assert.deepEqual(
      { status, code, detail, retryable, retryAfterS, requestId },
      {
        status: 503,
        code: 'queue_full',
        detail: 'it is queue_full',
        retryable: true,
        retryAfterS: 120,
        requestId: 'req-1'
      }
    )
    return true
  })
  assert.equal(heard.length, 1)
})

test('a Retry-After that is a time is read by the clock of who sent it', async t => {
  const minute = 60_000
  const date = (ms: number) => new Date(ms).toUTCString()
  for (const offMs of [-10 * minute, 10 * minute]) {
    const now = Date.now() + offMs
    const headers = { date: date(now), 'retry-after': date(now + 2 * minute) }
    const { url: baseUrl } = await startSpeaking(t, json({ error: 'away' }, 503, headers))
    await assert.rejects(new Foreman({ baseUrl }).queue(), { retryAfterS: 120 })
  }
})

test('an answer that was lost is asked for again, but never where that would do a thing twice', async t => {
  const cut: Say = answer => {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '999' }).write('{"id":')
    setImmediate(() => answer.destroy())
  }
  const lost = await startSpeaking(t, hangUp, cut, json(job, 202))
  assert.equal((await new Foreman({ baseUrl: lost.url, retry: hasty }).submit(native)).id, 'job_1')
  assert.equal(new Set(lost.heard.map(({ headers }) => headers['idempotency-key'])).size, 1)
  const once = await startSpeaking(t, hangUp)
  await assert.rejects(
    new Foreman({ baseUrl: once.url, retry: hasty }).retry('job_1'),
    ForemanConnectionError
  )
  assert.equal(once.heard.length, 1)
  const refused = await startSpeaking(t, problem(429, 'rate_limited', true), json(job, 202))
  assert.equal((await new Foreman({ baseUrl: refused.url, retry: hasty }).retry('job_1')).id, 'job_1')
})

test('trying again is bounded, ends with the signal, and can be turned off', async t => {
  const { url: baseUrl, heard } = await startSpeaking(t, hangUp)
  const bounded = new Foreman({ baseUrl, retry: { ...hasty, limitS: 0.2, maxOutageS: 0.2 } })
  await assert.rejects(bounded.queue(), ForemanConnectionError)
  await assert.rejects(bounded.wait('job_1'), ForemanConnectionError)
  await assert.rejects(bounded.follow('job_1').next(), ForemanConnectionError)
  const before = heard.length
  await assert.rejects(new Foreman({ baseUrl, retry: false }).queue(), ForemanConnectionError)
  assert.equal(heard.length, before + 1)
  const signal = AbortSignal.timeout(50)
  const patient = new Foreman({ baseUrl, retry: { ...hasty, limitS: Number.POSITIVE_INFINITY } })
  await assert.rejects(patient.queue({ signal }), { name: 'TimeoutError' })
})

test('one call is tried for a minute, and a pause that would end beyond it is not made', async t => {
  let nowMs = 0
  t.mock.method(performance, 'now', () => nowMs)
  const pauses = async (error: Error) => {
    const delays: number[] = []
    const onRetry = ({ delayS }: { delayS: number }) => delays.push(delayS)
    const rules = retryRules({ onRetry })
    const patience = new Patience(rules, rules.limitS)
    for (;;) {
      const paused = patience.pause(error).then(
        () => true,
        err => assert.equal(err, error)
      )
      // Time passes only while it waits.
      nowMs += (delays.at(-1) ?? 0) * 1000
      t.mock.timers.tick((delays.at(-1) ?? 0) * 1000)
      if (!(await paused)) return delays
    }
  }
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const delays = await pauses(new ForemanConnectionError('away'))
  let longest = 0.25
  for (const delayS of delays) {
    assert.ok(delayS <= longest && delayS >= longest * 0.75, `${delayS} of ${longest}`)
    longest = Math.min(2 * longest, 10)
  }
  const sum = delays.reduce((sum, delayS) => sum + delayS, 0)
  assert.ok(sum <= 60 && sum >= 50, String(delays))
  for (const [retryAfterS, tries] of [
    [30, 2],
    [60, 1],
    [61, 0]
  ] as const) {
    const refusal = { status: 503, code: 'draining', detail: '', retryable: true, retryAfterS }
    assert.deepEqual(await pauses(new ForemanError(refusal)), Array(tries).fill(retryAfterS))
  }
})

test('what foreman says of its target is not asked for again, what a proxy says of foreman is', async t => {
  for (const status of [502, 504]) {
    const own = await startSpeaking(t, problem(status, 'target_unreachable', true))
    await assert.rejects(new Foreman({ baseUrl: own.url, retry: hasty }).queue(), {
      code: 'target_unreachable'
    })
    assert.equal(own.heard.length, 1)
    const proxys = await startSpeaking(t, json({}, status), json({}))
    await new Foreman({ baseUrl: proxys.url, retry: hasty }).queue()
    assert.equal(proxys.heard.length, 2)
  }
})

test('deleting again after an answer that was lost is no error', async t => {
  const { url: baseUrl, heard } = await startSpeaking(t, hangUp, problem(410, 'job_data_removed', false))
  await new Foreman({ baseUrl, retry: hasty }).delete('job_1')
  assert.deepEqual(
    heard.map(({ method }) => method),
    ['DELETE', 'DELETE']
  )
})

test('errors are read in every shape that foreman has, and in none', async t => {
  const shapes: [Say, string | undefined, string][] = [
    [problem(404, 'not_found', false), 'not_found', 'it is not_found'],
    [json({ error: 'model is gone' }, 404, { 'foreman-error-code': 'x' }), 'x', 'model is gone'],
    [json({ error: { message: 'bad', type: 'api_error' } }, 400), undefined, 'bad'],
    [json({ type: 'error', error: { type: 'x', message: 'worse' } }, 400), undefined, 'worse'],
    [answer => answer.writeHead(413).end('<html>too large</html>'), undefined, 'Payload Too Large'],
    [answer => answer.writeHead(418).end(), undefined, "I'm a Teapot"]
  ]
  for (const [say, code, detail] of shapes) {
    const { url: baseUrl } = await startSpeaking(t, say)
    await assert.rejects(new Foreman({ baseUrl }).queue(), { name: 'ForemanError', code, detail })
  }
})

test('a token is never taken along by a redirect', async t => {
  const other = await startSpeaking(t, json({}))
  const { url: baseUrl } = await startSpeaking(t, answer =>
    answer.writeHead(302, { location: other.url }).end()
  )
  await assert.rejects(
    new Foreman({ baseUrl, token: 'secret', retry: false }).queue(),
    ForemanConnectionError
  )
  assert.equal(other.heard.length, 0)
})

test('a newer foreman: unknown types, fields and states pass, and an unknown end ends', async t => {
  const future = { ...job, state: 'archived', finished_at: '2030-01-01T00:00:00Z', mood: 'good' }
  const { url: baseUrl, heard } = await startSpeaking(
    t,
    events(
      {
        id: 'job_1:1',
        event: 'job.queued',
        data: { type: 'job.queued', seq: 1, data: { state: 'queued' }, mood: 1 }
      },
      { id: 'job_1:2', event: 'job.dreaming', data: { type: 'job.dreaming', seq: 2, data: { of: 'sheep' } } },
      { event: 'job.mood', data: { type: 'job.mood', data: 'good' } },
      { event: 'stream.end', data: { reason: 'something_new' } }
    ),
    events(
      { id: 'job_1:3', event: 'job.archived', data: { type: 'job.archived', seq: 3, data: future } },
      { event: 'stream.end', data: { reason: 'terminal', mood: 'good' } }
    ),
    json(future)
  )
  const foreman = new Foreman({ baseUrl, retry: hasty })
  const told: string[] = []
  for await (const event of foreman.follow('job_1')) told.push(`${event.type} ${isKnown(event)}`)
  assert.deepEqual(told, ['job.queued true', 'job.dreaming false', 'job.mood false', 'job.archived false'])
  assert.equal(heard[1]!.headers['last-event-id'], 'job_1:2')
  assert.equal((await foreman.wait('job_1')).mood, 'good')
})

test('text: pieces go where their offset says, by code points, and a gap or a reset makes all of it void', async t => {
  const piece = (seq: number, offset: number, text: string, more: object = {}) => {
    const data = { text, offset, channel: 'content', index: 0, ...more }
    return { id: `job_1:${seq}`, event: 'job.output', data: { type: 'job.output', seq, data } }
  }
  const { url: baseUrl } = await startSpeaking(
    t,
    events(
      piece(1, 0, 'a🦙'),
      piece(2, 2, 'b'),
      piece(3, 1, '🦙bc'),
      piece(4, 0, 'hm', { channel: 'thinking' }),
      piece(5, 2, 'X'),
      {
        id: 'job_1:6',
        event: 'job.output_reset',
        data: { type: 'job.output_reset', seq: 6, data: { attempt: 1 } }
      },
      piece(7, 0, 'new'),
      { event: 'stream.gap', data: { oldest_seq: 2, snapshot_seq: 2 } },
      piece(2, 0, 'anew'),
      { id: 'job_1:3', event: 'job.done', data: { type: 'job.done', seq: 3, data: { state: 'done' } } }
    )
  )
  const updates: string[] = []
  for await (const update of new Foreman({ baseUrl }).text('job_1')) {
    updates.push(update.type === 'reset' ? 'reset' : `${update.channel} +${update.text} =${update.whole}`)
  }
  assert.deepEqual(updates, [
    'content +a🦙 =a🦙',
    'content +b =a🦙b',
    'content +c =a🦙bc',
    'thinking +hm =hm',
    'reset',
    'content +a🦙X =a🦙X',
    'thinking +hm =hm',
    'reset',
    'content +new =new',
    'reset',
    'content +anew =anew'
  ])
})

test('wait asks for what is newer than it knows, and takes 304 for no news', async t => {
  const done = { ...job, state: 'done', version: 2, finished_at: '2030-01-01T00:00:00Z' }
  const none: Say = answer => answer.writeHead(304).end()
  const { url: baseUrl, heard } = await startSpeaking(t, json(job), none, hangUp, json(done))
  const versions: number[] = []
  const foreman = new Foreman({ baseUrl, retry: hasty })
  const ended = await foreman.wait('job_1', { onChange: ({ version }) => versions.push(version) })
  assert.deepEqual([ended.state, versions], ['done', [1, 2]])
  assert.deepEqual(
    heard.map(({ headers }) => headers['if-none-match']),
    [undefined, '"1"', '"1"', '"1"']
  )
})

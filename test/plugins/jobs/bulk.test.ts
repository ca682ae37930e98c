import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from '../../helpers/fast-check.ts'
import { bulk, jobCount, lines } from './line-client.ts'
import { assertProblem, chatBody, type Problem, startStage } from './stage.ts'

test('each line is answered in order, and a bad one stops no other', async t => {
  const stage = await startStage(t)
  const sent = [
    { request: chatBody, priority: 'batch', metadata: { n: '0' } },
    '{"request":',
    { ...chatBody, prioritty: 'batch', priority: 'urgent' },
    { request: chatBody, typo: 1 },
    { request: { ...chatBody, model: 'nobody' } },
    '  ',
    { model: 'alpha', prompt: 'x', metadata: { n: '1' } },
    'null',
    { request: chatBody, idempotency_key: '' },
    { request: { ...chatBody, model: 'alpha:cloud' } }
  ]
  const [first, malformed, urgent, typo, nobody, second, none, key, cloud, ...more] = await bulk(stage, sent)
  assert.deepEqual(more, [])
  assert.deepEqual(
    [malformed, urgent, typo, nobody, none, key, cloud].map(answer => [
      answer!.error?.code,
      answer!.error?.pointer
    ]),
    [
      ['malformed_json', undefined],
      ['validation_failed', '/priority'],
      ['validation_failed', '/typo'],
      ['model_not_found', undefined],
      ['validation_failed', ''],
      ['validation_failed', '/idempotency_key'],
      ['leaves_this_machine', undefined]
    ]
  )
  const jobs = await Promise.all([first, second].map(answer => stage.ended(answer!.id!)))
  assert.deepEqual(
    jobs.map(({ state, kind, priority, metadata }) => [state, kind, priority, metadata]),
    [
      ['done', 'chat', 'batch', { n: '0' }],
      ['done', 'generate', 'normal', { n: '1' }]
    ]
  )
  assert.equal(jobCount(stage), 2)
})

test("bytes of a line reach the target as they were sent, without what is foreman's", async t => {
  const stage = await startStage(t)
  const native = '{"model":"alpha","prompt":"x","options":{"seed":12345678901234567890}}'
  const [short, long] = await bulk(stage, [
    native.replace('{', '{"idempotency_key":"a",'),
    `{"request":${native},"idempotency_key":"b"}`
  ])
  for (const { id } of [short!, long!]) await stage.ended(id!)
  const { requests } = await stage.fake.state()
  const bodies = requests.map(({ body_base64 }) => Buffer.from(body_base64, 'base64').toString())
  const sent = bodies.filter(body => body.includes('seed'))
  assert.equal(sent.length, 2)
  for (const body of sent) assert.match(body, /"seed":12345678901234567890/)
  assert.ok(!sent.some(body => body.includes('idempotency_key')))
})

test('a key makes one job: in one body, in the next, and with the header', async t => {
  const stage = await startStage(t)
  const line = { request: chatBody, idempotency_key: 'k' }
  const [first, again, other, free] = await bulk(stage, [
    line,
    JSON.stringify({ idempotency_key: 'k', request: chatBody }),
    { ...line, priority: 'batch' },
    { ...line, idempotency_key: 'k2' }
  ])
  assert.equal(first!.replayed, undefined)
  assert.deepEqual(again, { id: first!.id, replayed: true })
  assert.equal(other!.error?.code, 'idempotency_key_reused')
  assert.notEqual(free!.id, first!.id)
  assert.deepEqual(await bulk(stage, [line]), [{ id: first!.id, replayed: true }])
  const single = await stage.ask('POST', '/jobs', {
    body: { request: chatBody },
    headers: { 'idempotency-key': 'k' }
  })
  assert.deepEqual([single.status, single.body.id], [200, first!.id])
  assert.equal(jobCount(stage), 2)
  await stage.ended(first!.id!)
  await stage.ask('DELETE', `/jobs/${first!.id}`)
  assert.equal((await bulk(stage, [line]))[0]!.error?.code, 'job_data_removed')
})

test('a key for the whole request, or in a body of one job, is refused', async t => {
  const stage = await startStage(t)
  const headers = { 'content-type': lines, 'idempotency-key': 'k' }
  assertProblem(await stage.ask('POST', '/jobs', { body: chatBody, headers }), 400, 'bad_request')
  const single = await stage.ask<Problem>('POST', '/jobs', { body: { ...chatBody, idempotency_key: 'k' } })
  const { errors } = assertProblem(single, 422, 'validation_failed')
  assert.deepEqual(errors, [
    { pointer: '/idempotency_key', detail: 'here the key goes into the header Idempotency-Key' }
  ])
})

test('the other names of the type are understood, with parameters too', async t => {
  const stage = await startStage(t)
  for (const type of ['application/jsonl', 'application/ndjson', 'application/x-ndjson; charset=utf-8']) {
    assert.equal((await bulk(stage, [chatBody], { type })).length, 1, type)
  }
})

test('a line has the limit of a body, and the whole has none', async t => {
  const stage = await startStage(t, {}, { limits: { body_bytes: 1000 } })
  await stage.ask('POST', '/queue/pause')
  const long = { ...chatBody, options: { stop: ['x'.repeat(1000)] } }
  const answers = await bulk(stage, [chatBody, long, ...Array(50).fill(chatBody)])
  assert.equal(answers.length, 52)
  assert.equal(answers[1]!.error?.code, 'body_too_large')
  assert.equal(answers.filter(answer => answer.id !== undefined).length, 51)
})

test('a full queue refuses line by line, and says what to do', async t => {
  const stage = await startStage(t, {}, { queue: { max_queued: 3 } })
  await stage.ask('POST', '/queue/pause')
  const answers = await bulk(stage, Array(5).fill(chatBody))
  assert.deepEqual(
    answers.map(({ id, error }) => (id === undefined ? error?.code : 'taken')),
    ['taken', 'taken', 'taken', 'queue_full', 'queue_full']
  )
  assert.match(answers[4]!.error!.detail, /queue\.max_queued/)
  await stage.ask('POST', '/queue/drain')
  assert.equal((await bulk(stage, [chatBody]))[0]!.error?.code, 'draining')
})

test('an unknown model is looked for once, however many lines name it', async t => {
  const stage = await startStage(t, {}, { poll: { tags_s: 3600 } })
  const looks = async () =>
    (await stage.fake.state()).requests.filter(({ url }) => url === '/api/tags').length
  // A job that runs is looked for as well. Looks of the start that are still on their way end before this one.
  await stage.ask('POST', '/queue/pause')
  await stage.app.catalog.refresh()
  const before = await looks()
  const nobody = { ...chatBody, model: 'nobody' }
  const answers = await bulk(stage, [...Array(600).fill(nobody), chatBody, ...Array(600).fill(nobody)])
  assert.equal(answers.filter(({ error }) => error?.code === 'model_not_found').length, 1200)
  assert.equal((await looks()) - before, 1)
})

test("whatever lines come, each has one answer, and none is a fault of foreman's own", async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const field = fc.constantFrom(
    'request',
    'model',
    'prompt',
    'priority',
    'metadata',
    'idempotency_key',
    '__proto__'
  )
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('alpha', 'batch', chatBody, { model: 'alpha' }))
  const object = fc.dictionary(field, value)
  const line = fc.oneof(
    object.map(part => JSON.stringify({ ...chatBody, ...part })),
    object.map(part => JSON.stringify({ ...part, request: chatBody })),
    fc.jsonValue().map(any => JSON.stringify(any)),
    fc.string({ minLength: 1 }).filter(text => text.trim() !== '' && !text.includes('\n'))
  )
  const outcomes = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 20 }), async lines => {
      const answers = await bulk(stage, lines)
      assert.equal(answers.length, lines.length)
      for (const { id, error } of answers) {
        const outcome = id === undefined ? error!.code : 'taken'
        assert.notEqual(outcome, 'internal', JSON.stringify(error))
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    }),
    { numRuns: 60 }
  )
  for (const outcome of ['taken', 'malformed_json', 'validation_failed'])
    assert.ok(outcomes.has(outcome), outcome)
})

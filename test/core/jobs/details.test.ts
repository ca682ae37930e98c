import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removeJob } from '../../../core/jobs/retention.ts'
import { usageOf } from '../../../core/jobs/usage.ts'
import { openBench, rowsOf } from './fixtures.ts'

const usage = { inputTokens: 3, outputTokens: 4, estimated: false, promptEvalMs: 0.5, generationMs: null }

test('what is kept beside a job comes back, and is empty for one that has nothing', t => {
  const { store, accept } = openBench(t)
  const [plain, full] = [accept(), accept({ metadata: { b: 'ž', a: '' }, retryOf: 'job_old' })]
  const of = (seq: number) => [
    store.details.metadata(seq),
    store.details.retryOf(seq),
    store.details.usage(seq)
  ]
  assert.deepEqual(of(plain.seq), [{}, undefined, undefined])
  assert.deepEqual(of(full.seq), [{ a: '', b: 'ž' }, 'job_old', undefined])
  assert.ok(!('metadata' in full) && !('retryOf' in full), 'a job carries its row alone')
})

test('where the events of a job go is kept as it was given', t => {
  const { store, accept } = openBench(t)
  const webhook = { url: 'https://a.example/x?y', events: ['job.*'], secret: Buffer.from([1, 2]) }
  assert.deepEqual(store.details.webhook(accept({ webhook }).seq), webhook)
  const plain = { ...webhook, secret: null }
  assert.deepEqual(store.details.webhook(accept({ webhook: plain }).seq), plain)
  assert.equal(store.details.webhook(accept().seq), undefined)
})

test('the trace of a job comes back with its request, and goes with it; one that has none leaves no row', t => {
  const { db, store, accept } = openBench(t)
  const request = { path: '/api/chat', body: Buffer.from('{}') }
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const traced = accept({ request, traceparent })
  assert.deepEqual(store.request(traced), { ...request, traceparent })
  assert.ok(!('traceparent' in traced), 'a job carries its row alone')
  assert.deepEqual(store.request(accept({ request })), { ...request, traceparent: null })
  assert.deepEqual(rowsOf(db, 'job_trace'), [{ job_seq: traced.seq, traceparent }])
  removeJob(db, store.move(traced, 'canceled'), 1)
  assert.deepEqual(rowsOf(db, 'job_trace'), [])
})

test('the usage of the last answer is kept with it', t => {
  const { store, accept } = openBench(t)
  const working = store.move(accept(), 'working')
  const again = store.move(store.move(working, 'queued', { usage }), 'working')
  const last = { ...usage, estimated: true, inputTokens: null }
  const { seq } = store.move(again, 'done', { usage: last })
  assert.deepEqual(store.details.usage(seq), last)
})

test('the time in a state is summed over the attempts, and counts when it is over', t => {
  let now = 0
  const { store, accept } = openBench(t, () => now)
  const at = (time: number) => {
    now = time
  }
  let job = accept()
  const phases = () => store.details.phases(job.seq)
  assert.deepEqual(phases(), { queued: undefined, loading: undefined })
  at(10)
  job = store.move(job, 'loading')
  assert.deepEqual(phases(), { queued: 10, loading: undefined })
  at(15)
  job = store.move(store.move(job, 'working'), 'queued')
  at(115)
  job = store.move(job, 'loading')
  at(117)
  job = store.move(store.move(job, 'working'), 'done')
  assert.deepEqual(phases(), { queued: 110, loading: 7 })
})

test('a key is taken with its job or not at all', t => {
  const { db, store, accept } = openBench(t)
  const idempotency = { route: 'r', key: 'k', fingerprint: Buffer.from('f') }
  const { id } = accept({ idempotency })
  assert.deepEqual(store.keys.find('local', 'r', 'k'), { jobId: id, fingerprint: Buffer.from('f') })
  for (const [owner, route, key] of [
    ['other', 'r', 'k'],
    ['local', 's', 'k'],
    ['local', 'r', 'K']
  ] as const) {
    assert.equal(store.keys.find(owner, route, key), undefined)
  }
  const before = rowsOf(db, 'job').length
  assert.throws(() => accept({ idempotency }))
  assert.equal(rowsOf(db, 'job').length, before)
})

test('usage is what the last record says, or a count of the records where it never came', () => {
  const last = {
    done: true,
    prompt_eval_count: 26,
    eval_count: 298,
    prompt_eval_duration: 130079000,
    eval_duration: 4e9
  }
  assert.deepEqual(usageOf(last, 299), {
    inputTokens: 26,
    outputTokens: 298,
    estimated: false,
    promptEvalMs: 130.079,
    generationMs: 4000
  })
  const none = {
    inputTokens: null,
    outputTokens: null,
    estimated: false,
    promptEvalMs: null,
    generationMs: null
  }
  assert.deepEqual(usageOf({ done: false }, 7), { ...none, outputTokens: 7, estimated: true })
  assert.deepEqual(
    usageOf(
      { done: true, eval_count: 'x', eval_duration: Number.POSITIVE_INFINITY, prompt_eval_count: 0.5 },
      7
    ),
    none
  )
})

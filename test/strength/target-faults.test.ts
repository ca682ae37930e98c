/** What the target can do to a run, done for real: what the caller is told, and what becomes of a durable job. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { FaultSpec } from '../fake-ollama/start.ts'
import { startForeman } from '../helpers/foreman.ts'
import { ended, ready, resultOf, storyOf, submit, untilJob } from './support/jobs.ts'
import { startProxy } from './support/proxy.ts'
import { assertOneAtATime, chat, startFake, startRig, withShortPauses } from './support/rig.ts'

interface Case {
  readonly name: string
  readonly fault: FaultSpec
  /** What a caller gets who holds the connection. */
  readonly caller: { readonly status: number; readonly says?: RegExp; readonly broke?: boolean }
  readonly code: string
  readonly retried: boolean
}

const cases: readonly Case[] = [
  {
    name: 'breaks off before its answer begins',
    fault: { kind: 'accept_close' },
    caller: { status: 502, says: /"error":/ },
    code: 'target_truncated',
    retried: true
  },
  {
    name: 'resets the connection in the middle of its answer',
    fault: { kind: 'reset', after: 3 },
    caller: { status: 200, broke: true },
    code: 'target_truncated',
    retried: true
  },
  {
    name: 'says an error in the middle of its answer',
    fault: { kind: 'error_line', after: 3, message: 'boom' },
    caller: { status: 200, says: /tok2.*\{"error":"boom"\}/s },
    code: 'target_error',
    retried: true
  },
  {
    name: 'loses its runner in the middle of its answer',
    fault: { kind: 'runner_crash', after: 3 },
    caller: { status: 200, says: /tok2.*\{"error":/s },
    code: 'target_error',
    retried: true
  },
  {
    name: 'runs out of memory',
    fault: { kind: 'oom', after: 1 },
    caller: { status: 200, says: /out of memory/ },
    code: 'target_error',
    retried: true
  },
  {
    name: 'ends its answer cleanly without the last record',
    fault: { kind: 'clean_end', after: 3 },
    caller: { status: 200, says: /tok2/ },
    code: 'target_incomplete',
    retried: false
  },
  {
    name: 'is replaced by a proxy that answers 502 in HTML',
    fault: { kind: 'html' },
    caller: { status: 502, says: /<html>/ },
    code: 'target_error',
    retried: true
  },
  {
    name: 'answers 503 with words',
    fault: { kind: 'queue_full' },
    caller: { status: 503, says: /server busy/ },
    code: 'target_error',
    retried: true
  },
  {
    name: 'answers 503 without a word',
    fault: { kind: 'empty' },
    caller: { status: 503, says: /^\{"error":"service unavailable"\}/ },
    code: 'target_error',
    retried: true
  },
  {
    name: 'answers 500',
    fault: { kind: 'status', status: 500 },
    caller: { status: 500, says: /fault injected/ },
    code: 'target_error',
    retried: true
  },
  {
    name: 'answers 501',
    fault: { kind: 'status', status: 501 },
    caller: { status: 501, says: /fault injected/ },
    code: 'target_error',
    retried: false
  },
  {
    name: 'refuses the request with an error inside the error',
    fault: { kind: 'nested_error' },
    caller: { status: 400, says: /exceed_context_size_error/ },
    code: 'target_error',
    retried: false
  }
]

for (const { name, fault, caller, code, retried } of cases) {
  test(`the target ${name}`, async t => {
    const { app, url, fake } = await startRig(t, { faults: [{ ...fault, path: '/api/chat' }] })

    const told = await chat(url)
    assert.deepEqual([told.status, told.broke], [caller.status, caller.broke ?? false])
    if (caller.says !== undefined) assert.match(told.text!, caller.says)
    const attached = app.jobs.get(told.headers!.get('foreman-job-id')!)
    assert.deepEqual([attached?.state, attached?.error?.code, attached?.attempt], ['failed', code, 1])

    const [durable] = submit(app, { maxAttempts: 2 })
    const failed = await ended(app, durable!.id)
    assert.deepEqual(
      [failed.state, failed.error?.code, failed.attempt],
      ['failed', code, retried ? 2 : 1],
      failed.error?.message
    )

    // It struck for the last time: the next one is served as if nothing had been.
    await fake.configure({ faults: [] })
    const [well] = submit(app, {})
    assert.equal((await ended(app, well!.id)).state, 'done')
    await assertOneAtATime(fake)
  })
}

test('a job that fails once is tried again after its pause and then done, without a trace of the first try', async t => {
  const { app } = await startRig(t, { faults: [{ kind: 'reset', after: 3, times: 1, path: '/api/chat' }] })
  const [job] = submit(app, {})
  const done = await ended(app, job!.id)
  assert.deepEqual([done.state, done.attempt, done.error], ['done', 2, null])
  const { message } = resultOf(app, done) as { message: { content: string } }
  assert.equal(message.content, 'tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7')
})

test('a target that does not speak HTTP fails the run, and the job runs when it does again', async t => {
  const fake = await startFake(t)
  const proxy = await startProxy(t, fake.url)
  const { app, url } = await startForeman(t, { target: proxy.url, settings: withShortPauses() })
  await ready(app)
  proxy.paths = ['/api/chat']
  proxy.manner = 'garbage'
  const told = await chat(url)
  assert.deepEqual([told.status, told.headers?.get('foreman-error-code')], [502, 'target_error'])
  const [job] = submit(app, {})
  await untilJob(app, job!.id, ({ previousState }) => previousState === 'working')
  proxy.manner = 'pass'
  const done = await ended(app, job!.id)
  assert.equal(done.state, 'done')
  assert.ok(storyOf(app, done).includes('retrying'))
})

test('a target that hangs is noticed, and what waits runs when it moves again', async t => {
  const fake = await startFake(t)
  const proxy = await startProxy(t, fake.url)
  const settings = withShortPauses({ limits: { first_token_timeout_s: 0.3 } })
  const { app } = await startForeman(t, { target: proxy.url, settings })
  await ready(app)
  proxy.manner = 'nothing'
  const [job] = submit(app, { model: 'alpha', maxAttempts: 50 })
  await once(app.reachability, 'down')
  proxy.manner = 'pass'
  const done = await ended(app, job!.id)
  assert.equal(done.state, 'done')
  await assertOneAtATime(fake)
})

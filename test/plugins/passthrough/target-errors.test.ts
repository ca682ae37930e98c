/** What the target does wrong, as its client and its job see it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobError } from '../../../core/jobs/job.ts'
import { bodyOf, fieldValue, statusOf } from '../../differential/message-reader.ts'
import { begin } from '../../differential/raw-client.ts'
import { ask, chat, fault, jobOf, nextIn, start } from './stage.ts'

interface Row {
  readonly kind: string
  readonly more?: object
  readonly path?: string
  readonly body?: object
  /** What the client gets, and what the job keeps. */
  readonly status: number
  readonly text: RegExp
  readonly error: Partial<JobError>
}

const rows: readonly Row[] = [
  {
    kind: 'status',
    more: { status: 500, message: 'llama runner process has terminated' },
    status: 500,
    text: /^\{"error":"llama runner process has terminated"\}$/,
    error: { code: 'target_error', targetStatus: 500, retryable: true }
  },
  {
    kind: 'status',
    more: { status: 400, message: 'no' },
    status: 400,
    text: /^\{"error":"no"\}$/,
    error: { code: 'target_error', targetStatus: 400, retryable: false }
  },
  {
    kind: 'status',
    more: { status: 501, message: 'not here' },
    status: 501,
    text: /not here/,
    error: { code: 'target_error', targetStatus: 501, retryable: false }
  },
  {
    kind: 'queue_full',
    status: 503,
    text: /maximum pending requests exceeded/,
    error: { code: 'target_error', targetStatus: 503, retryable: true }
  },
  {
    kind: 'html',
    status: 502,
    text: /<h1>502 Bad Gateway<\/h1>/,
    error: { code: 'target_error', targetStatus: 502, retryable: true }
  },
  {
    kind: 'empty',
    status: 503,
    text: /^\{"error":"service unavailable"\}$/,
    error: { code: 'target_error', targetStatus: 503, retryable: true }
  },
  {
    kind: 'error_line',
    more: { after: 2, message: 'boom' },
    status: 200,
    text: /\n\{"error":"boom"\}\n$/,
    error: { code: 'target_error', message: 'The target failed: boom', targetStatus: 200, retryable: true }
  },
  {
    kind: 'clean_end',
    more: { after: 2 },
    status: 200,
    text: /"done":false\}\n$/,
    error: { code: 'target_incomplete', targetStatus: 200, retryable: false }
  },
  {
    kind: 'error_line',
    more: { after: 2, message: 'boom' },
    path: '/v1/chat/completions',
    body: { stream: true },
    status: 200,
    text: /^data: /,
    error: { code: 'target_incomplete', targetStatus: 200 }
  },
  {
    kind: 'clean_end',
    more: { after: 2 },
    path: '/api/chat?with=query',
    status: 200,
    text: /"done":false\}\n$/,
    error: { code: 'target_incomplete' }
  },
  {
    kind: 'accept_close',
    status: 502,
    text: /^\{"error":"The target's answer was cut off"\}$/,
    error: { code: 'target_truncated', retryable: true }
  }
]

test('an error of the target passes unchanged, and its job is failed', async t => {
  const stage = await start(t)
  for (const { kind, more, path = '/api/chat', body, status, text, error } of rows) {
    await t.test(`${kind} ${status} on ${path}`, async () => {
      const answer = await ask(stage, { ...chat([fault(kind, more)], body), path })
      assert.equal(statusOf(answer), status)
      assert.match(bodyOf(answer).toString(), text)
      const job = jobOf(stage, answer)!
      assert.equal(job.state, 'failed')
      assert.equal(job.attempt, 1)
      assert.partialDeepStrictEqual(job.error, error)
    })
  }
})

test('a stream that is cut off is cut off for the client too', async t => {
  const stage = await start(t)
  const failed = nextIn(stage, 'failed')
  const client = begin(stage.url, chat([fault('reset', { after: 2 })]))
  await client.until(answer => answer.chunks.length === 2)
  await assert.rejects(
    client.until(answer => answer.complete),
    /connection closed/
  )
  assert.equal((await failed).error?.code, 'target_truncated')
})

test('a load that fails is told to its caller in the words of the target', async t => {
  const models = [{ name: 'broken:latest', fails_to_load: 'unable to load model' }]
  const stage = await start(t, { fake: { models } })
  const answer = await ask(stage, chat([], { model: 'broken' }))
  assert.equal(statusOf(answer), 500)
  assert.equal(bodyOf(answer).toString(), '{"error":"unable to load model"}')
  assert.equal(fieldValue(answer.fields, 'foreman-error-code'), 'load_failed')
})

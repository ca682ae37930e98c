import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CanceledError,
  type ForemanError,
  InternalError,
  LoadFailedError,
  QueueFullError,
  RunTimeoutError,
  StalledError
} from '../../../core/errors.ts'
import type { Job } from '../../../core/jobs/job.ts'
import {
  backoffMs,
  errorOf,
  explain,
  mayRetry,
  neverReached,
  type RetryRules,
  toJobError
} from '../../../core/queue/failure.ts'
import { TargetError, type TargetErrorKind } from '../../../core/target/client.ts'
import type { Outcome } from '../../../core/target/outcome.ts'
import fc from '../../helpers/fast-check.ts'

/** What each way in which a call can break means for its job. */
const breaks: readonly [TargetErrorKind, code: string, retryable: boolean, neverReached: boolean][] = [
  ['refused', 'target_unreachable', true, true],
  ['unreachable', 'target_unreachable', true, false],
  ['reset', 'target_truncated', true, false],
  ['truncated', 'target_truncated', true, false],
  ['status', 'target_error', true, false],
  ['protocol', 'target_error', true, false],
  ['aborted', 'target_error', true, false]
]

for (const [kind, code, retryable, unsent] of breaks) {
  test(`a target that is ${kind} is ${code}, ${unsent ? 'and no attempt' : 'an attempt'} is used up`, () => {
    const cause = new TargetError(kind)
    const error = explain(cause)
    assert.deepEqual([error.wireCode, error.retryable, error.cause], [code, retryable, cause])
    assert.equal(neverReached(cause), unsent)
  })
}

test("foreman's own errors explain themselves, anything else is internal and tells nothing", () => {
  const own = new StalledError(5)
  assert.equal(explain(own), own)
  const fault = new TypeError('secret')
  const error = explain(fault)
  assert.ok(error instanceof InternalError)
  assert.equal(error.cause, fault)
  assert.doesNotMatch(error.message, /secret/)
  for (const other of [undefined, 'text', fault, own]) assert.equal(neverReached(other), false)
})

/** What each answer that does not complete its job means. */
const answers: readonly [Exclude<Outcome, { kind: 'complete' }>, code: string, retryable: boolean][] = [
  [{ kind: 'incomplete' }, 'target_incomplete', false],
  [{ kind: 'error', status: 200, message: 'out of memory' }, 'target_error', true],
  [{ kind: 'error', status: 400, message: 'bad options' }, 'target_error', false],
  [{ kind: 'error', status: 404, message: 'no model' }, 'target_error', false],
  [{ kind: 'error', status: 429, message: 'slowly' }, 'target_error', false],
  [{ kind: 'error', status: 500, message: 'crash' }, 'target_error', true],
  [{ kind: 'error', status: 501, message: 'cannot' }, 'target_error', false],
  [{ kind: 'error', status: 503, message: 'busy' }, 'target_error', true]
]

for (const [outcome, code, retryable] of answers) {
  const what = outcome.kind === 'error' ? `an error with status ${outcome.status}` : 'a missing last record'
  test(`${what} is ${code}, ${retryable ? 'worth' : 'not worth'} another attempt`, () => {
    const error = errorOf(outcome)
    assert.deepEqual([error.wireCode, error.retryable], [code, retryable])
    if (outcome.kind === 'error') assert.ok(error.message.includes(outcome.message))
  })
}

test('one error that is made not retryable leaves the next of its kind as it was', () => {
  errorOf({ kind: 'error', status: 400, message: 'a' })
  assert.equal(errorOf({ kind: 'error', status: 500, message: 'b' }).retryable, true)
})

test('another attempt needs a retryable error, an attempt left, and no caller on the line', () => {
  const job = (part: Partial<Job>) => ({ attached: false, attempt: 1, maxAttempts: 5, ...part }) as Job
  const cases: [Partial<Job>, ForemanError, boolean][] = [
    [{}, new LoadFailedError('m', 'x'), true],
    [{ attempt: 4 }, new StalledError(1), true],
    [{ attempt: 5 }, new StalledError(1), false],
    [{ attempt: 6 }, new StalledError(1), false],
    [{ attached: true }, new StalledError(1), false],
    [{}, new RunTimeoutError(1), false],
    [{}, new CanceledError(), false],
    [{}, new InternalError(), false]
  ]
  for (const [part, error, expected] of cases) assert.equal(mayRetry(job(part), error), expected, error.code)
})

const rules: RetryRules = { backoffMs: 5000, factor: 2, jitter: 0.2, capMs: 300_000 }

test('pauses double from five seconds to the cap', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 2000].map(failures => backoffMs(failures, rules, 0.5))
  assert.deepEqual(pauses, [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000])
})

test('the random part of a pause is a fifth in either direction', () => {
  assert.deepEqual([backoffMs(1, rules, 0), backoffMs(1, rules, 1)], [4000, 6000])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), failures => {
      const plain = backoffMs(failures, rules, 0.5)
      const pause = backoffMs(failures, rules)
      assert.ok(pause >= plain * 0.8 - 1 && pause <= plain * 1.2 + 1, `${pause} of ${plain}`)
    })
  )
})

test("a job's row keeps what users see of an error, and the target's status where it answered", () => {
  const error = new QueueFullError('7 jobs wait')
  const kept = { code: 'queue_full', message: error.message, retryable: true, attempt: 2 }
  assert.deepEqual(toJobError(error, 2), kept)
  assert.deepEqual(toJobError(error, 2, 503), { ...kept, targetStatus: 503 })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stoppage } from '../../../core/queue/stoppages.ts'
import type { Span } from '../../../core/queue/worker-history.ts'
import {
  cutOwn,
  type Piece,
  QueuedTime,
  type Segment,
  type Surroundings,
  segmentsOf,
  waitingPart
} from '../../../plugins/jobs/why-pieces.ts'
import fc from '../../helpers/fast-check.ts'

const queued: Segment = { state: 'queued', from: 0, to: 1000, attempt: 0, availableAt: 0, code: undefined }
const nothing: Surroundings = { stoppages: [], since: 0, before: undefined }

const run = (from: number, to: number, runner: string, jobSeq = from): Span => ({
  ...{ kind: 'run', from, to, runner, model: runner.toUpperCase(), jobSeq, loaded: true }
})
const swap = (from: number, to: number, runner: string, loaded = true): Span => ({
  ...{ kind: 'swap', from, to, runner, model: runner.toUpperCase(), jobSeq: null, loaded }
})

/** The pieces of a wait for runner `own`. */
function cut(segment: Segment, spans: readonly Span[], surroundings: Surroundings): Piece[] {
  const pieces: Piece[] = []
  const time = new QueuedTime(segment, 'own', surroundings, piece => pieces.push(piece))
  for (const span of spans) time.add(span)
  time.end()
  return pieces
}

/** What is told of them in short. */
function told(spans: readonly Span[], part: Partial<Segment> = {}, around: Partial<Surroundings> = {}) {
  const pieces = cut({ ...queued, ...part }, spans, { ...nothing, ...around })
  return pieces.map(({ kind, from, to, runner }) => [
    kind,
    from,
    to,
    ...(runner === undefined ? [] : [runner])
  ])
}

const anySpans = fc
  .array(
    fc.record({
      gap: fc.nat(300),
      ms: fc.nat(400),
      kind: fc.constantFrom('run', 'swap'),
      runner: fc.constantFrom('own', 'x', 'y'),
      loaded: fc.boolean()
    }),
    { maxLength: 12 }
  )
  .map(steps => {
    let at = -200
    return steps.map(({ gap, ms, kind, runner, loaded }) => {
      const from = at + gap
      at = from + ms
      return kind === 'run' ? run(from, at, runner) : swap(from, at, runner, loaded)
    })
  })

const anyStoppage: fc.Arbitrary<Stoppage> = fc
  .record({
    cause: fc.constantFrom('paused', 'target_down', 'foreman_down'),
    beganAt: fc.integer({ min: -300, max: 1300 }),
    ms: fc.option(fc.nat(900))
  })
  .map(({ cause, beganAt, ms }) => ({ cause, beganAt, endedAt: ms === null ? null : beganAt + ms }))

test('whatever was recorded, the pieces follow each other and fill the whole wait', () => {
  fc.assert(
    fc.property(
      anySpans,
      fc.array(anyStoppage, { maxLength: 6 }),
      fc.integer({ min: -100, max: 1200 }),
      fc.integer({ min: -100, max: 1200 }),
      (spans, stoppages, availableAt, since) => {
        const surroundings = { stoppages, since, before: undefined }
        const pieces = cut({ ...queued, availableAt }, spans, surroundings)
        let at = queued.from
        for (const piece of pieces) {
          assert.equal(piece.from, at)
          assert.ok(piece.to > piece.from)
          at = piece.to
        }
        assert.equal(at, queued.to)
      }
    ),
    { numRuns: 3000 }
  )
})

test('spans that overlap, as clocks that were set make them, are not counted twice', () => {
  const spans = [run(0, 600, 'x'), run(300, 500, 'y'), run(400, 900, 'x')]
  assert.deepEqual(told(spans), [
    ['behind_resident', 0, 600, 'x'],
    ['behind_resident', 600, 900, 'x'],
    ['lingering', 900, 1000, 'x']
  ])
})

test('the loaded model is told apart from turns that began while the job waited, and from its own', () => {
  const spans = [run(-100, 200, 'x'), run(200, 300, 'x'), swap(300, 500, 'y'), run(500, 600, 'y')]
  assert.deepEqual(told([...spans, swap(600, 900, 'own'), run(900, 1000, 'own')]), [
    ['behind_resident', 0, 200, 'x'],
    ['behind_resident', 200, 300, 'x'],
    ['swap', 300, 500, 'y'],
    ['behind_turn', 500, 600, 'y'],
    ['swap', 600, 900, 'own'],
    ['behind_own_model', 900, 1000, 'own']
  ])
})

test("a moment between two things belongs to the second; a longer one is the worker's", () => {
  const spans = [run(0, 300, 'x'), run(349, 500, 'x'), swap(550, 1000, 'own')]
  assert.deepEqual(told(spans), [
    ['behind_resident', 0, 300, 'x'],
    ['behind_resident', 300, 500, 'x'],
    ['lingering', 500, 550, 'x'],
    ['swap', 550, 1000, 'own']
  ])
})

test('the last moment belongs to what was before it', () => {
  assert.deepEqual(told([run(0, 951, 'x')]), [
    ['behind_resident', 0, 951, 'x'],
    ['behind_resident', 951, 1000, 'x']
  ])
  assert.deepEqual(told([], { to: 20 }), [['idle', 0, 20]])
})

test('a free worker lingers for the model that ran last, and for its own it is only slow', () => {
  const before = { runner: 'x', model: 'X' }
  assert.deepEqual(told([], {}, { before }), [['lingering', 0, 1000, 'x']])
  assert.deepEqual(told([], {}, { before: { runner: 'own', model: 'OWN' } }), [['idle', 0, 1000]])
  assert.deepEqual(told([]), [['idle', 0, 1000]])
})

test('a model whose load failed is waited for before it is loaded again', () => {
  const spans = [swap(0, 200, 'own', false), swap(700, 1000, 'own')]
  assert.deepEqual(told(spans), [
    ['swap', 0, 200, 'own'],
    ['load_backoff', 200, 700],
    ['swap', 700, 1000, 'own']
  ])
})

test('a delay comes first: not_before at the first attempt, a pause after it', () => {
  assert.deepEqual(told([run(0, 900, 'x')], { availableAt: 400 }), [
    ['not_before', 0, 400],
    ['behind_resident', 400, 900, 'x'],
    ['lingering', 900, 1000, 'x']
  ])
  assert.deepEqual(told([], { availableAt: 5000, attempt: 2 }), [['retry_backoff', 0, 1000]])
})

test('a pause explains the time after the running job, and nobody runs while foreman does not', () => {
  const stoppages: Stoppage[] = [
    { cause: 'paused', beganAt: 100, endedAt: 700 },
    { cause: 'target_down', beganAt: 500, endedAt: 800 },
    { cause: 'foreman_down', beganAt: 550, endedAt: 600 }
  ]
  assert.deepEqual(told([run(0, 400, 'x'), run(900, 1000, 'x')], {}, { stoppages }), [
    ['behind_resident', 0, 400, 'x'],
    ['paused', 400, 550],
    ['foreman_down', 550, 600],
    ['paused', 600, 700],
    ['target_down', 700, 800],
    ['lingering', 800, 900, 'x'],
    ['behind_resident', 900, 1000, 'x']
  ])
})

test('of a time that is no longer recorded nothing is claimed', () => {
  assert.deepEqual(told([run(600, 1000, 'x')], {}, { since: 600 }), [
    ['not_recorded', 0, 600],
    ['behind_resident', 600, 1000, 'x']
  ])
})

test('an attempt that foreman did not survive lasted until foreman was gone', () => {
  const pieces: Piece[] = []
  const stoppages: Stoppage[] = [{ cause: 'foreman_down', beganAt: 300, endedAt: 900 }]
  const surroundings = { ...nothing, stoppages }
  cutOwn(queued, { kind: 'failed_attempt', attempt: 1 }, surroundings, piece => pieces.push(piece))
  assert.deepEqual(pieces, [
    { kind: 'failed_attempt', attempt: 1, from: 0, to: 300 },
    { kind: 'foreman_down', from: 300, to: 900 },
    { kind: 'failed_attempt', attempt: 1, from: 900, to: 1000 }
  ])
})

test('the run that counts is the last, unless the job waits again', () => {
  const event = (type: string, createdAt: number, data = {}) => ({
    ...{ id: '', jobId: '', owner: '', n: 0, seq: 1, attempt: 1, data, type: type as 'job.queued', createdAt }
  })
  const story = [
    event('job.queued', 0),
    event('job.working', 10),
    event('job.retrying', 30, { available_at: new Date(60).toISOString(), error_code: 'stalled' }),
    event('job.loading', 70),
    event('job.working', 90),
    event('job.done', 120)
  ]
  const states = (count: number) => {
    const segments = segmentsOf(story.slice(0, count), 200)
    return [segments.map(({ state, from, to }) => [state, from, to]), waitingPart(segments)]
  }
  const first = [
    ['queued', 0, 10],
    ['working', 10, 30]
  ]
  assert.deepEqual(states(6), [[...first, ['queued', 30, 70], ['loading', 70, 90], ['working', 90, 120]], 4])
  assert.deepEqual(states(3), [[...first, ['queued', 30, 200]], 3])
  assert.deepEqual(states(2), [
    [
      ['queued', 0, 10],
      ['working', 10, 200]
    ],
    1
  ])
  assert.deepEqual(states(1), [[['queued', 0, 200]], 1])
  const [, failed, again] = segmentsOf(story, 200)
  assert.deepEqual([failed!.code, again!.availableAt], ['stalled', 60])
})

/** Answers that are kept byte for byte: written in any pieces, read from any byte. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptAnswers } from '../../../core/jobs/kept-answers.ts'
import fc from '../../helpers/fast-check.ts'
import { openBench, rowsOf } from './fixtures.ts'
import { atWork } from './texts.ts'

const head = { status: 200, contentType: 'application/x-ndjson' }

function readAll(kept: KeptAnswers, jobSeq: number, from: number): Buffer {
  const pieces: Buffer[] = []
  for (let at = from; ; ) {
    const bytes = kept.read(jobSeq, at)
    if (bytes === undefined) return Buffer.concat(pieces)
    assert.ok(bytes.length > 0)
    pieces.push(bytes)
    at += bytes.length
  }
}

test('from every byte on the rest is read, whatever pieces were written', t => {
  const { store, accept } = openBench(t)
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 8 }), pieces => {
      // Others are before and behind it.
      const [other, job] = [atWork({ store, accept }), atWork({ store, accept })]
      for (const { seq } of [other, job]) store.keptAnswers.begin(seq, head)
      store.keptAnswers.append(other.seq, { start: 0, bytes: Buffer.from('other') })
      let start = 0
      for (const bytes of pieces) {
        store.addAnswer(job, { pieces: [], kept: { start, bytes: Buffer.from(bytes) } })
        start += bytes.length
      }
      const whole = Buffer.concat(pieces)
      assert.equal(store.keptAnswers.size(job.seq), whole.length)
      for (let from = 0; from <= whole.length + 2; from += 1)
        assert.deepEqual(readAll(store.keptAnswers, job.seq, from), whole.subarray(from), `from ${from}`)
    }),
    { numRuns: 40 }
  )
})

test('an answer is complete when its end was written, with bytes or without', t => {
  const bench = openBench(t)
  for (const bytes of ['', 'the end']) {
    const job = atWork(bench)
    bench.store.addAnswer(job, { pieces: [], head, kept: { start: 0, bytes: Buffer.from('bytes, ') } })
    assert.deepEqual(bench.store.keptAnswers.head(job.seq), { ...head, complete: false })
    const kept = { start: 7, bytes: Buffer.from(bytes), isLast: true }
    bench.store.move(job, 'done', { answer: { pieces: [], kept } })
    assert.deepEqual(bench.store.keptAnswers.head(job.seq), { ...head, complete: true })
    assert.equal(String(readAll(bench.store.keptAnswers, job.seq, 0)), `bytes, ${bytes}`)
  }
})

test('nothing is known of an answer that is not kept', t => {
  const bench = openBench(t)
  const { seq } = atWork(bench)
  const { keptAnswers } = bench.store
  assert.deepEqual(
    [keptAnswers.head(seq), keptAnswers.size(seq), keptAnswers.read(seq, 0)],
    [undefined, 0, undefined]
  )
})

test('it is told when more is kept, after that was written, and goes with its job', t => {
  const bench = openBench(t)
  const sizes: number[] = []
  bench.bus.on('kept', ({ seq }) => sizes.push(bench.store.keptAnswers.size(seq)))
  const job = atWork(bench)
  bench.store.addAnswer(job, { pieces: [], head })
  bench.store.addAnswer(job, { pieces: [], kept: { start: 0, bytes: Buffer.from('abc') } })
  bench.store.move(job, 'done', { answer: { pieces: [], kept: { start: 3, bytes: Buffer.from('d') } } })
  assert.deepEqual(sizes, [0, 3, 4])
  bench.db.exec('DELETE FROM job')
  assert.deepEqual([rowsOf(bench.db, 'kept_answer'), rowsOf(bench.db, 'kept_bytes')], [[], []])
})

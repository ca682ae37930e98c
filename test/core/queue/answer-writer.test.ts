/** How an answer gets into the log while it comes: gathered, in few commits, nothing lost and nothing twice. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import type { AnswerPart } from '../../../core/jobs/output.ts'
import { AnswerWriter } from '../../../core/queue/answer-writer.ts'

const gatherMs = 50
const againMs = 1000
const head = { status: 200, contentType: 'text/plain' }

/** A writer on a clock that stands still, and what it wrote. While `refuses` it is told that nothing can be stored. */
function stage(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] })
  const parts: AnswerPart[] = []
  const disk = { refuses: false, refused: 0 }
  const writer: AnswerWriter = new AnswerWriter(() => {
    if (disk.refuses) {
      disk.refused += 1
      throw new Error('disk full')
    }
    const { pending } = writer
    if (pending === undefined) return
    parts.push(structuredClone(pending))
    writer.written()
  }, Fastify().log)
  return { writer, parts, disk, tick: (ms: number) => t.mock.timers.tick(ms) }
}

const textOf = (parts: readonly AnswerPart[]) =>
  parts.flatMap(({ pieces }) => pieces.map(({ text }) => text)).join('')

test('tokens wait for each other for 50 ms and are one piece', t => {
  const { writer, parts, tick } = stage(t)
  for (const token of ['a', 'b', 'c']) writer.text('content', token)
  tick(gatherMs - 1)
  writer.text('content', 'd')
  assert.deepEqual(parts, [])
  tick(1)
  assert.deepEqual(parts, [{ pieces: [{ channel: 'content', item: 0, start: 0, text: 'abcd' }] }])
  tick(10_000)
  assert.equal(parts.length, 1)
  writer.text('content', 'e')
  tick(gatherMs)
  assert.deepEqual(parts[1], { pieces: [{ channel: 'content', item: 0, start: 4, text: 'e' }] })
})

test('a kilobyte waits for nothing but what was read with it', t => {
  const { writer, parts, tick } = stage(t)
  writer.text('content', 'x'.repeat(1023))
  tick(0)
  assert.equal(parts.length, 0)
  writer.text('content', 'y')
  writer.text('content', 'z')
  assert.equal(parts.length, 0)
  tick(0)
  assert.equal(textOf(parts), `${'x'.repeat(1023)}yz`)
  tick(gatherMs)
  assert.equal(parts.length, 1)
})

test('the head of a kept answer goes at once, its bytes as text does, each with its place', t => {
  const { writer, parts, tick } = stage(t)
  writer.head(head)
  writer.bytes(Buffer.from('ab'))
  tick(0)
  writer.bytes(Buffer.from('cd'))
  tick(0)
  writer.bytes(Buffer.from('e'))
  tick(gatherMs)
  writer.bytes(Buffer.alloc(16 * 1024))
  tick(0)
  const kept = parts.map(part => [part.head?.status, part.kept?.start, part.kept?.bytes.length])
  assert.deepEqual(kept, [
    [200, 0, 2],
    [undefined, 2, 3],
    [undefined, 5, 16 * 1024]
  ])
})

test('the end of a kept answer is told once, with its last bytes or alone, and of no other answer', t => {
  const { writer, tick, parts } = stage(t)
  writer.head(head)
  writer.bytes(Buffer.from('ab'))
  writer.complete()
  assert.deepEqual(writer.pending?.kept, { start: 0, bytes: Buffer.from('ab'), isLast: true })
  writer.written()
  assert.equal(writer.pending, undefined)
  tick(10_000)
  assert.deepEqual(parts, [])
  const other = new AnswerWriter(() => {}, Fastify().log)
  other.complete()
  assert.equal(other.pending, undefined)
  const empty = new AnswerWriter(() => {}, Fastify().log)
  empty.head(head)
  empty.written()
  empty.complete()
  assert.deepEqual(empty.pending?.kept, { start: 0, bytes: Buffer.alloc(0), isLast: true })
})

test('what the disk refuses is kept, and written with what came since', t => {
  const { writer, parts, disk, tick } = stage(t)
  disk.refuses = true
  writer.text('content', 'a')
  tick(gatherMs)
  writer.text('content', 'b')
  tick(againMs - 1)
  assert.deepEqual(parts, [])
  disk.refuses = false
  tick(1)
  assert.deepEqual(parts, [{ pieces: [{ channel: 'content', item: 0, start: 0, text: 'ab' }] }])
})

test('a writer that is stopped writes nothing by itself any more', t => {
  const { writer, parts, tick } = stage(t)
  writer.text('content', 'x'.repeat(2000))
  writer.stop()
  tick(10_000)
  assert.deepEqual(parts, [])
  assert.equal(writer.pending?.pieces.length, 1)
})

test('a disk that refuses is asked once a second, however fast the answer comes', t => {
  const { writer, parts, disk, tick } = stage(t)
  disk.refuses = true
  for (let second = 1; second <= 3; second += 1) {
    for (let chunk = 0; chunk < 100; chunk += 1) {
      writer.text('content', 'x'.repeat(2000))
      writer.bytes(Buffer.alloc(20_000))
      tick(againMs / 100)
    }
    assert.ok(disk.refused <= second + 1, `${disk.refused} tries in ${second} s`)
  }
  disk.refuses = false
  tick(againMs)
  assert.equal(textOf(parts).length, 600_000)
  // In order again: nothing waits longer than it did before.
  writer.text('content', 'y'.repeat(2000))
  tick(0)
  assert.equal(textOf(parts).length, 602_000)
})

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { batchesOf, type Line, LineSplitter } from '../../../plugins/jobs/lines.ts'
import fc from '../../helpers/fast-check.ts'

/** `text` in pieces of these lengths, over and over. */
function cut(text: string, lengths: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const pieces: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  return pieces
}

function split(pieces: readonly Buffer[], limitBytes: number): Line[] {
  const splitter = new LineSplitter(limitBytes)
  const lines = pieces.flatMap(piece => [...splitter.push(piece)])
  return [...lines, splitter.rest()]
}

async function batches(body: Readable, limitBytes = 1000): Promise<string[][]> {
  const all: string[][] = []
  for await (const batch of batchesOf(body, new LineSplitter(limitBytes)))
    all.push(batch.map(line => String(line)))
  return all
}

test('lines are the same however the bytes are cut, and those that are too long are told', () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'ž', '\r', ' '), maxLength: 12 })
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
  const limit = 10
  fc.assert(
    fc.property(fc.array(line), lengths, (lines, cuts) => {
      const expected = lines.length === 0 ? [''] : lines
      const wanted = expected.map(text => (Buffer.byteLength(text) > limit ? undefined : text))
      assert.deepEqual(
        split(cut(lines.join('\n'), cuts), limit).map(found => found?.toString()),
        wanted
      )
    })
  )
})

test('blank lines are left out, and a last line needs no end', async () => {
  const body = Readable.from(cut('a\n\n \t\r\nb\r\n\n c', [3]), { objectMode: false })
  assert.deepEqual((await batches(body)).flat(), ['a', 'b\r', ' c'])
  assert.deepEqual(await batches(Readable.from([])), [])
})

test('of a body that is cut off the last line is not taken', async () => {
  const body = new Readable({ read() {} })
  body.push('a\nb\nc')
  const taken = batches(body)
  setImmediate(() => body.destroy(new Error('aborted')))
  assert.deepEqual((await taken).flat(), ['a', 'b'])
})

test('a batch has a limit by lines and by bytes, and others have their turn between two', async () => {
  const many = 'x\n'.repeat(1000)
  let turns = 0
  let running = true
  const count = () => {
    turns += 1
    if (running) setImmediate(count)
  }
  setImmediate(count)
  const small = await batches(Readable.from([Buffer.from(many)], { objectMode: false }))
  running = false
  assert.equal(small.flat().length, 1000)
  assert.ok(Math.max(...small.map(batch => batch.length)) <= 256)
  assert.ok(turns >= small.length - 1, `${turns} turns for ${small.length} batches`)
  const long = `${'y'.repeat(600_000)}\n`.repeat(4)
  const large = await batches(Readable.from([Buffer.from(long)], { objectMode: false }), 1e6)
  assert.deepEqual(
    large.map(batch => batch.length),
    [2, 2]
  )
})

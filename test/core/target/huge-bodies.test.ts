/** Bodies as large as they may be, made to cost more than they should: time or memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadRequestError } from '../../../core/errors.ts'
import { findReferences } from '../../../core/jobs/artifact-references.ts'
import { readInference } from '../../../core/target/inference.ts'
import { fingerprintOf } from '../../../plugins/jobs/fingerprint.ts'

const wholeBytes = 64 * 1024 * 1024
/** A plain body of this size takes a quarter of it; the machine may be busy. */
const mostMs = 3000

/** Text of the largest size that is allowed: `piece` again and again, between two others. */
function huge(before: string, piece: string, after: string): Buffer {
  const count = Math.floor((wholeBytes - before.length - after.length) / piece.length)
  return Buffer.concat([Buffer.from(before), Buffer.alloc(count * piece.length, piece), Buffer.from(after)])
}

function timed<T>(what: string, work: () => T): T {
  const startedAt = performance.now()
  try {
    return work()
  } finally {
    const ms = performance.now() - startedAt
    assert.ok(ms < mostMs, `${what} took ${Math.round(ms)} ms`)
  }
}

const deep: readonly (readonly [before: string, piece: string])[] = [
  ['', '['],
  ['{"messages":', '['],
  ['', '{"a":'],
  ['{"model":"a","tools":[', '[{"a":']
]

for (const [before, piece] of deep) {
  test(`${before}${piece}… is left at the depth that the target takes, where its words are`, () => {
    for (const path of ['/api/chat', '/v1/messages']) {
      const read = timed(path, () => readInference(path, huge(before, piece, '')))
      assert.ok(read.malformed && read.forward)
    }
  })
}

const wide: readonly (readonly [path: string, before: string, piece: string, after: string])[] = [
  ['/api/chat', '{', '"a":0,', '"b":0}'],
  ['/api/chat', '{', '"keep_alive":1,', '"b":0}'],
  ['/api/chat', '{"model":"a","options":{', '"":0,', '"":0}}'],
  ['/v1/messages', '{', '"model":"a",', '"b":0}'],
  ['/v1/messages', '{"model":"a","tools":[', '0,', '0]}'],
  ['/v1/messages', '{"model":"a","tools":[', '{},', '{}]}'],
  ['/v1/messages', '{"model":"a","tools":[{', '"":0,', '"":0}]}']
]

for (const [path, before, piece, after] of wide) {
  test(`${path} refuses ${before}${piece}… by itself: no list of millions is made`, () => {
    const body = huge(before, piece, after)
    const message = 'the body has more than 100000 members or elements in one place'
    assert.throws(
      () => timed(path, () => readInference(path, body)),
      error => error instanceof BadRequestError && error.message === message
    )
  })
}

test('what foreman does not look into may be as wide as it likes', () => {
  const body = huge('{"model":"a","messages":[', '{},', '{}]}')
  assert.equal(timed('messages', () => readInference('/api/chat', body)).malformed, false)
})

test('references are not looked for among millions of messages', () => {
  const body = huge('{"messages":[', '{},', '{"artifact_id":1}]}')
  assert.throws(() => timed('references', () => findReferences('/api/chat', body)), BadRequestError)
})

test('a text of very many values has a fingerprint by its bytes, at once', () => {
  for (const piece of ['{},', '0,', '[[]],', '{"a":0},']) {
    const body = huge('[', piece, '0]')
    const before = timed('fingerprint', () => fingerprintOf(body))
    assert.deepEqual(fingerprintOf(Buffer.from(body)), before)
    body.write(' ', body.length - 2)
    assert.notDeepEqual(fingerprintOf(body), before)
  }
})

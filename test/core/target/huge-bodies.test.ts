/** Bodies as large as they may be, made to cost more than they should. What took more than its share would not end here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { workOn } from './huge-body.ts'

const tooMany = {
  error: { isBadRequest: true, message: 'the body has more than 100000 members or elements in one place' }
}

const deep: readonly (readonly [before: string, piece: string])[] = [
  ['', '['],
  ['{"messages":', '['],
  ['', '{"a":'],
  ['{"model":"a","tools":[', '[{"a":']
]

for (const [before, piece] of deep) {
  test(`${before}${piece}… is left at the depth that the target takes, where its words are`, async () => {
    for (const path of ['/api/chat', '/v1/messages'] as const)
      assert.deepEqual(await workOn(path, { before, piece, after: '' }), { malformed: true, forward: true })
  })
}

const wide: readonly (readonly [path: `/${string}`, before: string, piece: string, after: string])[] = [
  ['/api/chat', '{', '"a":0,', '"b":0}'],
  ['/api/chat', '{', '"keep_alive":1,', '"b":0}'],
  ['/api/chat', '{"model":"a","options":{', '"":0,', '"":0}}'],
  ['/v1/messages', '{', '"model":"a",', '"b":0}'],
  ['/v1/messages', '{"model":"a","tools":[', '0,', '0]}'],
  ['/v1/messages', '{"model":"a","tools":[', '{},', '{}]}'],
  ['/v1/messages', '{"model":"a","tools":[{', '"":0,', '"":0}]}']
]

for (const [path, before, piece, after] of wide) {
  test(`${path} refuses ${before}${piece}… by itself: no list of millions is made`, async () => {
    assert.deepEqual(await workOn(path, { before, piece, after }), tooMany)
  })
}

test('what foreman does not look into may be as wide as it likes', async () => {
  const body = { before: '{"model":"a","messages":[', piece: '{},', after: '{}]}' }
  assert.deepEqual(await workOn('/api/chat', body), { malformed: false, forward: false })
})

test('references are not looked for among millions of messages', async () => {
  const body = { before: '{"messages":[', piece: '{},', after: '{"artifact_id":1}]}' }
  assert.deepEqual(await workOn('references', body), tooMany)
})

test('a text of very many values has a fingerprint by its bytes', async () => {
  for (const piece of ['{},', '0,', '[[]],', '{"a":0},']) {
    const [one, same, spaced] = (await workOn('fingerprint', { before: '[', piece, after: '0]' }))
      .fingerprints!
    assert.equal(one, same)
    assert.notEqual(one, spaced)
  }
})

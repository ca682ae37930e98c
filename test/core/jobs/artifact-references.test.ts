import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { base64Length, fillReferences, findReferences } from '../../../core/jobs/artifact-references.ts'
import fc from '../../helpers/fast-check.ts'
import { temporaryDir } from '../../helpers/foreman.ts'

const id = 'art_01jd3zzzzzzzzzzzzzzzzzzzzz'
const reference = `{ "artifact_id" : "${id}" }`
const chat = '/api/chat'
const generate = '/api/generate'

const found = (path: string, json: string) =>
  findReferences(path, Buffer.from(json)).map(one => [one.pointer, one.id])

test('references are found where images go, and nowhere else', () => {
  const images = `"images":["aGk=",${reference}]`
  const cases: [path: string, json: string, found: unknown[]][] = [
    [generate, `{"prompt":"x",${images}}`, [['/images/1', id]]],
    ['/api/embed', `{"input":"x",${images}}`, [['/images/1', id]]],
    [chat, `{"messages":[{"role":"user"},{${images}}]}`, [['/messages/1/images/1', id]]],
    [
      generate,
      `{"Images":[${reference}],"images":[${reference}]}`,
      [
        ['/images/0', id],
        ['/images/0', id]
      ]
    ],
    [generate, `{"prompt":"artifact_id","options":{${images}},"messages":[{${images}}]}`, []],
    [chat, `{"messages":[{"content":"x","options":{${images}}},7,null,"x"],${images}}`, []],
    [chat, `{"messages":{${images}}}`, []],
    [generate, `{"images":${reference}}`, []],
    [generate, `{"images":["artifact_id",7,null,[${reference}]]}`, []],
    [generate, 'null', []]
  ]
  for (const [path, json, wanted] of cases) assert.deepEqual(found(path, json), wanted, json)
})

test('an object in the place of an image is a reference of the one right form, or has no id', () => {
  for (const wrong of [
    '{"artifact_id":7}',
    '{"artifact_id":""}',
    '{"artifact_id":"art_1"}',
    `{"artifact_id":"${id}","x":1}`,
    `{"artifact_id":"${id}","artifact_id":"${id}"}`,
    `{"x":"artifact_id"}`,
    `{"Artifact_id":"${id}","x":"artifact_id"}`
  ]) {
    assert.deepEqual(found(generate, `{"images":[${wrong}]}`), [['/images/0', undefined]], wrong)
  }
})

test('no other byte is changed by the filling, whatever stands around', async t => {
  const text = fc.string({ unit: 'grapheme' }).map(one => JSON.stringify(one))
  const image = fc.oneof(fc.constant(reference), fc.constant('"aGk="'))
  const message = fc.tuple(text, fc.array(image, { maxLength: 3 })).map(([content, images]) => {
    return `{"content" :${content},"images": [${images.join(' , ')}],"n":12345678901234567890.10,"n":1e400}`
  })
  const property = fc.asyncProperty(
    fc.array(message, { maxLength: 4 }),
    fc.uint8Array({ minLength: 1, maxLength: 50 }),
    async (messages, bytes) => {
      const json = `{"messages":[${messages.join(',\n')}],"model":"m"}`
      const file = fileOf(t, Buffer.from(bytes))
      const references = findReferences(chat, Buffer.from(json))
      const fillings = references.map(one => ({ reference: one, sizeBytes: bytes.length, open: file }))
      const filled = await fillReferences(Buffer.from(json), fillings)
      const base64 = Buffer.from(bytes).toString('base64')
      assert.equal(base64Length(bytes.length), base64.length)
      assert.equal(String(filled), json.replaceAll(reference, `"${base64}"`))
    }
  )
  await fc.assert(property, { numRuns: 50 })
})

test('an image of many pieces comes out whole', async t => {
  for (const sizeBytes of [196_607, 196_608, 196_609, 1_000_001]) {
    const bytes = Buffer.alloc(sizeBytes, 'abcdefg')
    const json = Buffer.from(`{"images":[${reference}]}`)
    const [one] = findReferences(generate, json)
    const filled = await fillReferences(json, [{ reference: one!, sizeBytes, open: fileOf(t, bytes) }])
    assert.ok(filled.equals(Buffer.from(`{"images":["${bytes.toString('base64')}"]}`)), String(sizeBytes))
  }
})

test('a file that is shorter than its row says is told, and not filled in', async t => {
  const json = Buffer.from(`{"images":[${reference}]}`)
  const [one] = findReferences(generate, json)
  const filling = { reference: one!, sizeBytes: 4, open: fileOf(t, Buffer.from('abc')) }
  await assert.rejects(fillReferences(json, [filling]), /ends at byte 3/)
})

/** Opens a file with these bytes. */
function fileOf(t: TestContext, bytes: Buffer): () => Promise<FileHandle> {
  const path = join(temporaryDir(t), 'file')
  writeFileSync(path, bytes)
  return () => open(path)
}

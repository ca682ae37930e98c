import assert from 'node:assert/strict'
import { test } from 'node:test'
import { raiseContext } from '../../../core/target/raise-context.ts'
import { type NativeBody, readNativeBody } from '../../../core/target/request-body.ts'
import fc from '../../helpers/fast-check.ts'
import { bodyMembers, jsonOf, readAsGo } from './body-members.ts'

function read(json: Buffer): NativeBody {
  const body = readNativeBody('chat', json)
  assert.equal(body.malformed, false)
  return body as NativeBody
}

const rewritten: [sent: string, wanted: string][] = [
  ['{"model":"a","options":{"num_ctx":4096}}', '{"model":"a","options":{"num_ctx":8192}}'],
  ['{"options" : { "num_ctx" : 4096.0 , "seed":1 } }', '{"options" : { "num_ctx" : 8192 , "seed":1 } }'],
  ['{"options":{"num_ctx":null}}', '{"options":{"num_ctx":8192}}'],
  ['{"model":"a"}', '{"options":{"num_ctx":8192},"model":"a"}'],
  [' {\n  "model": "a" }', ' {"options":{"num_ctx":8192},\n  "model": "a" }'],
  ['{"model":"a"} and more', '{"options":{"num_ctx":8192},"model":"a"} and more'],
  ['{"options":{"seed":1}}', '{"options":{"num_ctx":8192,"seed":1}}'],
  ['{"options":{ }}', '{"options":{"num_ctx":8192 }}'],
  ['{"options":null}', '{"options":null,"options":{"num_ctx":8192}}'],
  [
    '{"options":{"seed":1},"options":null,"x":1}',
    '{"options":{"seed":1},"options":null,"options":{"num_ctx":8192},"x":1}'
  ],
  ['{"Options":{"num_ctx":1}}', '{"Options":{"num_ctx":8192}}'],
  ['{"OPTION\\u0053":{"num_ctx":1}}', '{"OPTION\\u0053":{"num_ctx":8192}}'],
  ['{"option\u017f":{"num_ctx":1}}', '{"option\u017f":{"num_ctx":8192}}'],
  ['{"options":{"NUM_CTX":1}}', '{"options":{"num_ctx":8192,"NUM_CTX":1}}'],
  ['{"options":{"num\\u005fctx":1}}', '{"options":{"num\\u005fctx":8192}}'],
  ['{"options":{"num_ctx":1,"num_ctx":2}}', '{"options":{"num_ctx":1,"num_ctx":8192}}'],
  ['{"options":{"num_ctx":1},"options":{"seed":2}}', '{"options":{"num_ctx":8192},"options":{"seed":2}}'],
  [
    '{"options":{"num_ctx":1},"options":{"num_ctx":2}}',
    '{"options":{"num_ctx":1},"options":{"num_ctx":8192}}'
  ],
  [
    '{"messages":[{"options":{"num_ctx":1}}]}',
    '{"options":{"num_ctx":8192},"messages":[{"options":{"num_ctx":1}}]}'
  ]
]
for (const [sent, wanted] of rewritten) {
  test(`${JSON.stringify(sent)} with a context of 8192`, () => {
    const raised = raiseContext(Buffer.from(sent), 8192)
    assert.equal(raised.toString(), wanted)
    assert.equal(read(raised).loadOptions.num_ctx, 8192)
  })
}

for (const sent of ['{"options":{"num_ctx":"4096"}}', '{"options":{"num_ctx":1,"num_ctx":[]}}']) {
  test(`${sent} stays, since the target refuses it`, () => {
    const json = Buffer.from(sent)
    assert.equal(raiseContext(json, 8192), json)
  })
}

test('bytes that are no text stay as they are', () => {
  const sent = Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from([0xff, 0xfe, 0xc3]), Buffer.from('"}')])
  const raised = raiseContext(sent, 8192)
  assert.deepEqual(raised.subarray(raised.length - sent.length + 1), sent.subarray(1))
})

test('property: the target reads the same body, but for num_ctx, and no byte outside of one place is another', () => {
  fc.assert(
    fc.property(bodyMembers, fc.integer({ min: 1, max: 1e6 }), (members, context) => {
      const sent = Buffer.from(jsonOf(members))
      const before = readAsGo(members)
      const raised = raiseContext(sent, context)
      if (
        before.options?.num_ctx !== undefined &&
        typeof before.options.num_ctx !== 'number' &&
        before.options.num_ctx !== null
      )
        return assert.equal(raised, sent)
      const wanted = { ...before, options: { ...before.options, num_ctx: context } }
      assert.deepEqual(readAsGo(raised.toString()), wanted)
      assertOnePlace(sent, raised)
    }),
    { numRuns: 500 }
  )
})

/** The two have a beginning and an end in common that are all of `sent` but for at most one number. */
function assertOnePlace(sent: Buffer, raised: Buffer): void {
  let start = 0
  while (start < sent.length && sent[start] === raised[start]) start += 1
  let end = 0
  while (end < sent.length - start && sent.at(-1 - end) === raised.at(-1 - end)) end += 1
  assert.match(sent.subarray(start, sent.length - end).toString(), /^(null|[-+.\deE]*)$/)
}

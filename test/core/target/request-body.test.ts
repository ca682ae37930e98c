import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type NativeBody,
  type NativeRoute,
  readNativeBody,
  replaceKeepAlive
} from '../../../core/target/request-body.ts'
import fc from '../../helpers/fast-check.ts'

function read(text: string, route: NativeRoute = 'generate'): NativeBody {
  const body = readNativeBody(route, Buffer.from(text))
  assert.equal(body.malformed, false, JSON.stringify(body))
  return body as NativeBody
}

const models: [text: string, model: string | undefined][] = [
  ['{}', undefined],
  ['null', undefined],
  ['{"model":"a"}', 'a'],
  ['{"model":""}', ''],
  ['{"model":"a","model":"b"}', 'b'],
  ['{"model":"a","MODEL":"b"}', 'b'],
  ['{"MODEL":"b","model":"a"}', 'a'],
  ['{"model":"a","model":null}', 'a'],
  ['{"\\u006dodel":"a"}', 'a'],
  ['{"model":"\\u0061/é"}', 'a/é'],
  ['{"model":"a"}{"model":"b"}', 'a'],
  ['{"model":"a"} and more', 'a'],
  ['{"x":{"model":"b"},"model":"a"}', 'a']
]
for (const [text, model] of models) {
  test(`model of ${text} is ${model}`, () => assert.equal(read(text).model, model))
}

const malformed: [route: NativeRoute, text: string][] = [
  ['generate', ''],
  ['generate', '{"model":"a"'],
  ['generate', '[]'],
  ['generate', '"a"'],
  ['generate', '{"model":1}'],
  ['generate', '{"model":"a","model":[]}'],
  ['generate', '{"stream":"true"}'],
  ['generate', '{"shift":1}'],
  ['generate', '{"prompt":[]}'],
  ['chat', '{"messages":"hi"}'],
  ['chat', '{"messages":{}}'],
  ['embed', '{"options":[]}'],
  ['embeddings', '{"prompt":1}'],
  ['generate', '{"options":{"num_ctx":1e999}}'],
  ['generate', '{"keep_alive":true}'],
  ['generate', '{"keep_alive":[]}'],
  ['generate', '{"keep_alive":""}'],
  ['generate', '{"keep_alive":"-1"}'],
  ['generate', '{"keep_alive":"10"}'],
  ['generate', '{"keep_alive":"5 m"}'],
  ['generate', '{"keep_alive":1e999}'],
  ['generate', '{"keep_alive":"5m","keep_alive":"x"}']
]
for (const [route, text] of malformed) {
  test(`${route} body ${text} is malformed and left to the target to refuse`, () => {
    const body = readNativeBody(route, Buffer.from(text))
    assert.ok(body.malformed && body.forward && body.detail.length > 0)
  })
}

const booleans: [text: string, stream: boolean | undefined, shift: boolean | undefined][] = [
  ['{}', undefined, undefined],
  ['{"stream":false,"shift":true}', false, true],
  ['{"Stream":true,"\u017fhift":false}', true, false],
  ['{"stream":false,"stream":null,"shift":false,"SHIFT":null}', undefined, undefined]
]
for (const [text, stream, shift] of booleans) {
  test(`stream and shift of ${text}`, () => {
    const body = read(text, 'chat')
    assert.deepEqual([body.stream, body.shift], [stream, shift])
  })
}

test('embed and embeddings have neither stream nor shift', () => {
  for (const route of ['embed', 'embeddings'] as const) {
    const body = read('{"stream":false,"shift":"of no interest"}', route)
    assert.deepEqual([body.stream, body.shift], [undefined, undefined])
  }
})

const keepAlives: [json: string, ms: number][] = [
  ['0', 0],
  ['-0', 0],
  ['300', 300_000],
  ['0.5', 500],
  ['1e-10', 0],
  ['-1', Number.POSITIVE_INFINITY],
  ['-0.5', Number.POSITIVE_INFINITY],
  ['"0"', 0],
  ['"0s"', 0],
  ['"5m"', 300_000],
  ['"1h30m"', 5_400_000],
  ['"-1s"', Number.POSITIVE_INFINITY],
  ['"\\u0035m"', 300_000]
]
for (const [json, ms] of keepAlives) {
  test(`keep_alive ${json} is ${ms} ms`, () => {
    const text = `{"model":"a", "keep_alive" : ${json} }`
    const { keepAliveMs, keepAliveValues } = read(text)
    assert.equal(keepAliveMs, ms)
    const start = text.indexOf(` ${json} `) + 1
    assert.deepEqual(keepAliveValues, [{ start, end: start + json.length, ms }])
  })
}

test('the last keep_alive holds, and null takes it back', () => {
  assert.equal(read('{"keep_alive":0,"KEEP_ALIVE":"1s"}').keepAliveMs, 1_000)
  assert.equal(read('{"keep_alive":0,"\u212aeep_alive":null}').keepAliveMs, undefined)
  assert.equal(read('{"keep_alive":null}').keepAliveValues.length, 0)
})

const replacements: [text: string, value: string | number, replaced: string][] = [
  ['{"keep_alive":0}', '30m', '{"keep_alive":"30m"}'],
  ['{ "keep_alive" : "5m" ,"x":1 } tail', -1, '{ "keep_alive" : -1 ,"x":1 } tail'],
  ['{"keep_alive":0}', '-1', '{"keep_alive":-1}'],
  [
    '{"Keep_Alive":1,"keep_alive":null,"keep_alive":-2}',
    '30m',
    '{"Keep_Alive":"30m","keep_alive":null,"keep_alive":"30m"}'
  ],
  [
    '{"options":{"keep_alive":0},"messages":[{"keep_alive":0}]}',
    '30m',
    '{"options":{"keep_alive":0},"messages":[{"keep_alive":0}]}'
  ]
]
for (const [text, value, replaced] of replacements) {
  test(`the policy ${value} in ${text}`, () => {
    assert.equal(replaceKeepAlive(Buffer.from(text), read(text, 'chat'), value).toString(), replaced)
  })
}

test('a body without keep_alive comes back as the same buffer', () => {
  const json = Buffer.from('{"model":"a"}')
  assert.equal(replaceKeepAlive(json, readNativeBody('chat', json) as NativeBody, '30m'), json)
})

test('bytes that are no UTF-8 are kept by a replacement', () => {
  const json = Buffer.concat([
    Buffer.from('{"prompt":"'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('","keep_alive":0}')
  ])
  const replaced = replaceKeepAlive(json, readNativeBody('generate', json) as NativeBody, 9)
  assert.deepEqual(replaced.subarray(0, -2), json.subarray(0, -2))
})

const options: [json: string, loadOptions: object][] = [
  ['"options":{"num_ctx":8192,"temperature":0.5,"use_mmap":false}', { num_ctx: 8192, use_mmap: false }],
  ['"options":{"num_ctx":8192.9,"num_gpu":-1.5}', { num_ctx: 8192, num_gpu: -1 }],
  ['"options":{"NUM_CTX":1}', {}],
  ['"options":{"num_ctx":"8192","use_mmap":1,"num_gpu":true}', {}],
  ['"options":{"num_ctx":null,"num_gpu":1}', { num_gpu: 1 }],
  ['"options":{"num_ctx":1,"num_ctx":2}', { num_ctx: 2 }],
  ['"options":{"num_ctx":1,"num_gpu":2},"Options":{"num_ctx":3}', { num_ctx: 3, num_gpu: 2 }],
  ['"options":{"num_ctx":1},"options":null', {}],
  ['"options":{"num_ctx":1},"options":null,"options":{"main_gpu":0}', { main_gpu: 0 }],
  ['"num_ctx":1', {}]
]
for (const [json, loadOptions] of options) {
  test(`load options of ${json}`, () => assert.deepEqual(read(`{${json}}`).loadOptions, loadOptions))
}

const prompts: [route: NativeRoute, text: string, isEmpty: boolean][] = [
  ['generate', '{}', true],
  ['generate', '{"prompt":""}', true],
  ['generate', '{"prompt":null}', true],
  ['generate', '{"prompt":"","images":["x"],"system":"s"}', true],
  ['generate', '{"prompt":" "}', false],
  ['generate', '{"prompt":"a","prompt":null}', false],
  ['generate', '{"prompt":"a","Prompt":""}', true],
  ['generate', '{"messages":[1]}', true],
  ['chat', '{"messages":[]}', true],
  ['chat', '{"messages":[ ]}', true],
  ['chat', '{"messages":null}', true],
  ['chat', '{"messages":[{"role":"user"}]}', false],
  ['chat', '{"messages":[{}],"messages":[]}', true],
  ['chat', '{"messages":[{}],"messages":null}', true],
  ['embed', '{"input":""}', true],
  ['embed', '{"input":[]}', true],
  ['embed', '{"input":"a"}', false],
  ['embed', '{"input":["a"]}', false],
  ['embed', '{"input":"a","input":null}', true],
  ['embed', '{"input":7}', false],
  ['embeddings', '{"prompt":""}', true],
  ['embeddings', '{"prompt":"a"}', false]
]
for (const [route, text, isEmpty] of prompts) {
  test(`${route} ${text} ${isEmpty ? 'only loads' : 'computes'}`, () => {
    assert.equal(read(text, route).emptyPrompt, isEmpty)
  })
}

/** Go's rules once more, over the list of members instead of the text. */
function slowReading(members: [name: string, value: unknown][]): Partial<NativeBody> {
  const body: Partial<NativeBody> = { loadOptions: {}, emptyPrompt: true }
  for (const [name, value] of members) {
    const folded = name.replace('\u017f', 's').replace('\u212a', 'k').toLowerCase()
    if (folded === 'model') body.model = (value as string | null) ?? body.model
    if (folded === 'stream') body.stream = (value as boolean | null) ?? undefined
    if (folded === 'keep_alive') body.keepAliveMs = value === null ? undefined : (value as number) * 1000
    if (folded === 'options')
      body.loadOptions = value === null ? {} : { ...body.loadOptions, ...(value as object) }
    if (folded === 'prompt' && value !== null) body.emptyPrompt = value === ''
  }
  return body
}

test('property: any order, case and repetition of names is read by the rules', () => {
  const spelled = (name: string) =>
    fc
      .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
      .map(flags => [...name].map((letter, at) => (flags[at] ? letter.toUpperCase() : letter)).join(''))
  const member = (name: string, value: fc.Arbitrary<unknown>) => fc.tuple(spelled(name), fc.option(value))
  const members = fc.array(
    fc.oneof(
      member('model', fc.string()),
      member('stream', fc.boolean()),
      member('keep_alive', fc.nat(1000)),
      member('options', fc.record({ num_ctx: fc.nat(), num_gpu: fc.nat() }, { requiredKeys: [] })),
      member('prompt', fc.string({ maxLength: 2 })),
      fc.tuple(fc.constantFrom('x', 'models', 'prompt '), fc.jsonValue())
    )
  )
  fc.assert(
    fc.property(members, list => {
      const text = `{${list.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
      const { model, stream, keepAliveMs, loadOptions, emptyPrompt } = read(text)
      const wanted = { model: undefined, stream: undefined, keepAliveMs: undefined, ...slowReading(list) }
      assert.deepEqual({ model, stream, keepAliveMs, loadOptions, emptyPrompt }, wanted)
    })
  )
})

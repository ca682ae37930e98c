import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import {
  type CompatBody,
  type CompatPath,
  readCompatBody,
  readTranscriptionBody
} from '../../../core/target/compat-body.ts'
import type { MalformedBody } from '../../../core/target/json-bind.ts'

function read(text: string, path: CompatPath = '/v1/chat/completions'): CompatBody {
  return well(readCompatBody(path, Buffer.from(text)))
}

function well(body: CompatBody | MalformedBody): CompatBody {
  assert.ok(!body.malformed, JSON.stringify(body))
  return body
}

test('model, stream and tools of a plain body', () => {
  const text =
    '{"model":"a","stream":true,"tools":[{"type":"function"},{"type":"web_search_20250305"},{"type":"function"}]}'
  assert.deepEqual(read(text, '/v1/messages'), {
    malformed: false,
    model: 'a',
    models: ['a'],
    stream: true,
    toolTypes: ['function', 'web_search_20250305']
  })
})

test('a body that repeats the model gives the one that holds and all that were named', () => {
  const body = read('{"model":"a:cloud","MODEL":"b","model":null}')
  assert.deepEqual([body.model, body.models], ['b', ['a:cloud', 'b']])
})

test('a web search that is overruled further on is told all the same', () => {
  const text = '{"tools":[{"type":" web_search ","Type":"function"}],"TOOLS":[{}]}'
  assert.deepEqual(read(text, '/v1/responses').toolTypes, ['web_search', 'function'])
})

test('tools of other types than objects in an array are passed over', () => {
  assert.deepEqual(read('{"tools":[null,1,{"type":2}],"tools":{"type":"x"}}').toolTypes, [])
})

test('stream null takes an earlier value back on responses alone', () => {
  const text = '{"stream":true,"stream":null}'
  assert.equal(read(text, '/v1/responses').stream, undefined)
  assert.equal(read(text, '/v1/completions').stream, true)
  assert.equal(read(text, '/v1/embeddings').stream, undefined)
})

for (const text of ['', '[]', '{"model":1}', '{"stream":1}', '{"model":"a"']) {
  test(`${text || 'an empty body'} is malformed and left to the target to refuse`, () => {
    const body = readCompatBody('/v1/chat/completions', Buffer.from(text))
    assert.ok(body.malformed && body.forward)
  })
}

test('a zstd body is read through its compression, only where the field says exactly zstd', () => {
  const body = zstdCompressSync(Buffer.from('{"model":"a"}'))
  assert.equal(well(readCompatBody('/v1/responses', body, 'zstd')).model, 'a')
  assert.ok(readCompatBody('/v1/responses', body, 'ZSTD').malformed)
  assert.ok(readCompatBody('/v1/responses', body).malformed)
})

test('what does not decompress to one JSON value within 20 MiB is refused and not forwarded', () => {
  const cut = zstdCompressSync(Buffer.from('{"model":"a"}')).subarray(0, -2)
  const bomb = zstdCompressSync(Buffer.from(`{"model":"${'a'.repeat(20 * 1024 * 1024)}"}`))
  const noJson = zstdCompressSync(Buffer.from('{"model":'))
  for (const body of [cut, bomb, noJson, Buffer.from('{"model":"a"}')]) {
    const read = readCompatBody('/v1/responses', body, 'zstd')
    assert.ok(read.malformed && !read.forward)
  }
})

const TYPE = 'multipart/form-data; boundary=xYz'
const FILE =
  '--xYz\r\nContent-Disposition: form-data; name="file"; filename="model.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n'
const MODEL = '--xYz\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
const END = '--xYz--\r\n'
const form = (...parts: string[]) => parts.join('')

const forms: [what: string, body: string, model: string | undefined][] = [
  ['model after the file', form(FILE, MODEL, END), 'whisper'],
  ['model before the file', form(MODEL, FILE, END), 'whisper'],
  ['no line end after the closing delimiter', form(MODEL, '--xYz--'), 'whisper'],
  ['an epilogue', form(MODEL, END, 'more'), 'whisper'],
  ['no model', form(FILE, END), undefined],
  ['no parts', '--xYz--', undefined],
  ['two models: the first holds', form(MODEL, MODEL.replace('whisper', 'other'), END), 'whisper'],
  ['a file named model is no value', form(FILE.replace('"file"', '"model"'), MODEL, END), 'whisper'],
  ['an empty file name is a value', form(MODEL.replace('"model"', '"model"; filename=""'), END), 'whisper'],
  ['an empty value', form(MODEL.replace('whisper', ''), END), ''],
  ['an empty value without its own line end', form(MODEL.replace('whisper\r\n', ''), END), ''],
  [
    'a value that looks like a delimiter',
    form(MODEL.replace('whisper', 'a\r\n--xYzz\r\n--xY'), END),
    'a\r\n--xYzz\r\n--xY'
  ],
  [
    'fields in any case',
    form(MODEL.replace('Content-Disposition: form', 'content-disposition:Form'), END),
    'whisper'
  ]
]
for (const [what, body, model] of forms) {
  test(`a form with ${what}`, () => {
    assert.equal(well(readTranscriptionBody(Buffer.from(body), TYPE, '')).model, model)
  })
}

test('a quoted boundary is understood', () => {
  const type = 'Multipart/Form-Data; boundary="xYz"'
  assert.equal(well(readTranscriptionBody(Buffer.from(form(MODEL, END)), type, 'a=b')).model, 'whisper')
})

const doubtful: [what: string, body: string, type?: string, query?: string][] = [
  ['another type', form(MODEL, END), 'multipart/mixed; boundary=xYz'],
  ['no boundary', form(MODEL, END), 'multipart/form-data'],
  ['JSON', '{"model":"a"}', 'application/json'],
  ['model in the query', form(MODEL, END), TYPE, 'mod%65l=b'],
  ['a preamble', form('hello\r\n', MODEL, END)],
  ['no closing delimiter', MODEL],
  ['a cut closing delimiter', form(MODEL, '--xYz-')],
  ['a closing delimiter with more on its line', form(MODEL, '--xYz--x')],
  ['bare line feeds', form(MODEL, END).replaceAll('\r\n', '\n')],
  ['white space after a delimiter', form(MODEL, FILE.replace('xYz', 'xYz '), END)],
  ['an escape in the name', form(MODEL.replace('"model"', '"mo\\del"'), END)],
  ['an extended name', form(MODEL.replace('name="model"', "name*=utf-8''model"), END)],
  [
    'an extended file name on the model',
    form(MODEL.replace('"model"', '"model"; filename*=utf-8\'\'x'), END)
  ],
  ['a repeated parameter', form(MODEL.replace('"model"', '"model"; name="x"'), END)],
  [
    'a repeated field',
    form(MODEL.replace('\r\n\r\n', '\r\nContent-Disposition: form-data; name="x"\r\n\r\n'), END)
  ],
  ['a folded field', form(MODEL.replace('; name', ';\r\n name'), END)],
  [
    'a transfer encoding',
    form(MODEL.replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'), END)
  ],
  ['a part without fields', form('--xYz\r\n\r\nx\r\n', MODEL, END)]
]
for (const [what, body, type = TYPE, query = ''] of doubtful) {
  test(`a form with ${what} is refused and not forwarded`, () => {
    const read = readTranscriptionBody(Buffer.from(body), type, query)
    assert.ok(read.malformed && !read.forward, JSON.stringify(read))
  })
}

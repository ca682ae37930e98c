import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  elementsOf,
  isEmpty,
  JsonSyntaxError,
  membersOf,
  numberOf,
  scanDocument,
  stringOf
} from '../../../core/target/json-scan.ts'
import fc from '../../helpers/fast-check.ts'

const scan = (text: string) => scanDocument(Buffer.from(text))
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

test('members of the first value come with name, kind and place', () => {
  const json = Buffer.from(' {"a" : 1.5e3,\n"b":"x", "a":[true ,null],"\\u0062":{} } trailing')
  const { kind, start, end, members } = scanDocument(json)
  assert.deepEqual([kind, start, json.toString('utf8', end)], ['object', 1, ' trailing'])
  assert.deepEqual(
    members.map(member => [member.name, member.kind, json.toString('utf8', member.start, member.end)]),
    [
      ['a', 'number', '1.5e3'],
      ['b', 'string', '"x"'],
      ['a', 'array', '[true ,null]'],
      ['b', 'object', '{}']
    ]
  )
})

const accepted = [
  'null',
  'nullx',
  '12 34',
  '{}',
  '{ \t\r\n}',
  '[]x',
  '{"a":1}}',
  '-0',
  '0.5E-7',
  '"\u007f\u2028"',
  '"\\ud800"',
  nested(10_000)
]
for (const text of accepted) {
  test(`valid as a first value: ${JSON.stringify(text.slice(0, 20))}`, () => void scan(text))
}

const refused = [
  '',
  ' ',
  '{',
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":1,}',
  '{a:1}',
  "{'a':1}",
  '{"a" 1}',
  '{"a":01}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":+1}',
  '{"a":1e}',
  '{"a":-}',
  '[1,]',
  '[1 2]',
  '[1}',
  '{"a":1]',
  'tru',
  'True',
  'NaN',
  '"\u0001"',
  '"\t"',
  '"a\nb"',
  '"\\x"',
  '"\\u12g4"',
  '"\\',
  '"abc',
  '\ufeff{}',
  '\u00a0{}',
  nested(10_001)
]
for (const text of refused) {
  test(`refused as a first value: ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(() => scan(text), JsonSyntaxError)
  })
}

test('the object at the top counts towards the nesting limit', () => {
  scan(`{"a":${nested(9_999)}}`)
  assert.throws(() => scan(`{"a":${nested(10_000)}}`), JsonSyntaxError)
})

test('the error tells where the text stops to be JSON', () => {
  assert.throws(() => scan('{"a":1,"b":x}'), { name: 'JsonSyntaxError', offset: 11 })
})

test('invalid UTF-8 inside a string is accepted and read as U+FFFD', () => {
  const json = Buffer.from([0x22, 0x61, 0xff, 0x22])
  assert.equal(stringOf(json, scanDocument(json)), 'a\ufffd')
})

test('strings are read as Go reads them', () => {
  const read = (text: string) => stringOf(Buffer.from(text), scan(text))
  assert.equal(read('"\\u006dodel\\n\\/"'), 'model\n/')
  assert.equal(read('"\\ud83d\\ude00"'), '😀')
  assert.equal(read('"\\ud800x"'), '\ufffdx')
})

test('nested values are found on demand', () => {
  const json = Buffer.from('{"options":{"a":-1,"b":{"c":2}},"tools":[ {"d":3} , "e" ],"none":[ ]}')
  const [options, tools, none] = scanDocument(json).members
  const inner = membersOf(json, options!)
  assert.deepEqual(
    inner.map(({ name }) => name),
    ['a', 'b']
  )
  assert.equal(numberOf(json, inner[0]!), -1)
  assert.deepEqual(
    elementsOf(json, tools!).map(({ kind }) => kind),
    ['object', 'string']
  )
  assert.deepEqual([isEmpty(json, tools!), isEmpty(json, none!)], [false, true])
})

/** Names that meet each other again, in one spelling or another. */
const names = fc.oneof(
  fc.constantFrom('model', 'Model', 'MODEL', 'options', 'a"b', 'é', '\ud83d'),
  fc.string()
)
const space = fc.constantFrom('', ' ', '\n', '\t \r')

test('property: members agree with what JSON.parse makes of each', () => {
  const member = fc.record({ name: names, value: fc.jsonValue(), before: space, after: space })
  fc.assert(
    fc.property(fc.array(member), fc.string(), (members, rest) => {
      const parts = members.map(
        m => `${m.before}${JSON.stringify(m.name)}${m.after}:${m.before}${JSON.stringify(m.value)}${m.after}`
      )
      const json = Buffer.from(`{${parts.join(',')}}${rest}`)
      const scanned = scanDocument(json)
      assert.equal(json.toString('utf8', scanned.end), Buffer.from(rest).toString())
      assert.deepEqual(
        scanned.members.map(({ name, start, end }) => [name, JSON.parse(json.toString('utf8', start, end))]),
        members.map(({ name, value }) => [name.toWellFormed(), JSON.parse(JSON.stringify(value))])
      )
    })
  )
})

test('property: a text is accepted exactly when JSON.parse accepts it, or its valid start', () => {
  const alphabet = fc.constantFrom(
    ...'{}[]",:\\/ \n\u0001-+.eE0123456789abfnrtuls',
    '"a":',
    'true',
    'null',
    '\\u00e9'
  )
  const mutated = fc.tuple(fc.json(), fc.nat(), alphabet).map(([text, at, piece]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + piece + text.slice(place + 1)
  })
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.array(alphabet).map(pieces => pieces.join(''))
      ),
      text => {
        const json = Buffer.from(text)
        let end: number | undefined
        try {
          end = scanDocument(json).end
        } catch (error) {
          assert.ok(error instanceof JsonSyntaxError)
        }
        if (end === undefined) assert.throws(() => JSON.parse(text), SyntaxError)
        else JSON.parse(json.toString('utf8', 0, end))
      }
    ),
    { numRuns: 2000 }
  )
})

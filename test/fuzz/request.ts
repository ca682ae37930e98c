/** Requests for a route: such as its schemas allow, and such as somebody sends who wants to see it fall. */

import type { TSchema } from 'typebox'
import fc from '../helpers/fast-check.ts'
import { fillIn, hints, type KnownKind, known, nativeBody } from './hints.ts'
import { toText } from './hostile.ts'
import { bodySchemaOf, type Route } from './routes.ts'
import { allowedBy, broken } from './value.ts'

/** How the length of a body is told. `cut`: more is announced than comes. */
export type Framing = 'length' | 'chunked' | 'cut'

/** A request as it goes on the wire, but for what is {@link fillIn filled in}. */
export interface Request {
  readonly method: string
  readonly url: string
  /** Path and query. */
  readonly target: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string | undefined
  readonly framing: Framing
}

const long = 'k'.repeat(10_000)

const oddSegments = [
  'x',
  '__proto__',
  'constructor',
  '..',
  '.',
  '%00',
  '%',
  '%ff%fe',
  '%2e%2e%2f',
  '%F0%9F%98%80',
  long,
  '*',
  ''
]

const modelNames = fc.constantFrom('alpha', 'BETA:latest', 'library%2Fgamma', 'library/gamma', 'nobody')

const kinds: Readonly<Record<string, KnownKind>> = {
  ...{ artifacts: 'art', 'webhook-endpoints': 'whe', 'webhook-deliveries': 'dlv' }
}

function segment(url: string, name: string): fc.Arbitrary<string> {
  const kind = kinds[url.split('/')[1]!] ?? 'job'
  const named = url.startsWith('/models/') ? modelNames : fc.constant('completion')
  const usual = name === ':name' || name === '*' ? named : known(kind)
  return fc.oneof({ weight: 5, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...oddSegments) })
}

function pathOf({ url }: Route): fc.Arbitrary<string> {
  const parts = url.split('/').map(part => (/^:|\*/.test(part) ? segment(url, part) : fc.constant(part)))
  return fc.tuple(...parts).map(filled => filled.join('/'))
}

const oddQueries = [
  '?',
  '?%',
  '?a=1&a=2',
  '?__proto__=1',
  '?limit=1e9',
  '?limit=10&limit=20',
  `?${long}=1`,
  `?cursor=${long}`
]

function queryOf({ schema }: Route): fc.Arbitrary<string> {
  const odd = fc.constantFrom(...oddQueries)
  if (schema.querystring === undefined)
    return fc.oneof({ weight: 5, arbitrary: fc.constant('') }, { weight: 1, arbitrary: odd })
  const valid = allowedBy(schema.querystring, hints)
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant('') },
    { weight: 4, arbitrary: valid.map(toQuery) },
    { weight: 3, arbitrary: broken(valid).map(toQuery) },
    { weight: 1, arbitrary: odd }
  )
}

function toQuery(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  const pairs = Object.entries(value).map(([name, one]) => [
    name,
    typeof one === 'string' ? one : toText(one)
  ])
  return `?${pairs.map(([name, one]) => `${encoded(name!)}=${encoded(one!)}`).join('&')}`
}

/** Words that are still to be filled in stay as they are; half characters have no encoding. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%40(job|art|whe|dlv|cursor)%3A(\d+)%40/g, '@$1:$2@')
}

const fieldValues: Readonly<Record<string, readonly string[]>> = {
  prefer: ['wait=0', 'wait=1', 'respond-async', 'respond-async, wait=0', 'wait=1e9', ',,;='],
  'idempotency-key': ['a', 'b', '"c"', '"', '', 'é', long],
  'if-none-match': ['"1"', '*', 'W/"2"', '"'],
  'if-range': ['"1"', 'yesterday'],
  range: ['bytes=0-', 'bytes=5-2', 'bytes=-1', 'bytes=0-0,2-3', 'bytes=99999999999999999999-', 'lines=1'],
  accept: ['text/event-stream', 'application/x-ndjson', 'application/json', '*/*;q=x'],
  'last-event-id': ['1', '@job:1@:1', ':::'],
  'repr-digest': ['sha-256=:AAAA:', 'md5=:x:', 'sha-256'],
  'content-disposition': ['attachment; filename="a.png"', "attachment; filename*=UTF-8''%ff", ';;;', long],
  'content-encoding': ['gzip', 'zstd', 'identity', 'nonsense'],
  authorization: ['Bearer x', 'Basic %%%'],
  'foreman-priority': ['batch', 'first'],
  'foreman-on-disconnect': ['continue', 'maybe'],
  cookie: ['a=b', long],
  expect: ['100-continue'],
  origin: ['http://localhost', 'http://127.0.0.1:1', 'null', 'https://evil.example'],
  __proto__: ['1'],
  'x-request-id': ['abc', 'a\tb']
}

const fields = fc
  .uniqueArray(fc.constantFrom(...Object.keys(fieldValues)), { maxLength: 4 })
  .chain(names =>
    fc.tuple(
      ...names.map(name => fc.constantFrom(...fieldValues[name]!).map(value => [name, value] as const))
    )
  )

interface Body {
  readonly type: string | undefined
  readonly text: string
}

const boundary = 'fuzzed'
const part = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n`
const json = 'application/json'
const ndjson = 'application/x-ndjson'

const oddBodies: readonly Body[] = [
  { type: json, text: '' },
  { type: json, text: '\ufeff{}' },
  { type: json, text: '{"request":' },
  { type: json, text: '{}}' },
  { type: ndjson, text: '\n\n\n' },
  { type: ndjson, text: '{"request":{"model":"alpha","prompt":"a"}}\n{"request":' },
  { type: 'text/plain', text: 'hello' },
  { type: 'image/png', text: '\u0089PNG no picture' },
  { type: undefined, text: 'hello' },
  { type: 'a/b/c;;;charset', text: '{}' },
  { type: `multipart/form-data; boundary=${boundary}`, text: `${part}--${boundary}--\r\n` },
  { type: `multipart/form-data; boundary=${boundary}`, text: part },
  { type: 'multipart/form-data', text: part },
  { type: 'application/x-www-form-urlencoded', text: 'a=1&a=2&%' }
]

function bodyOf(route: Route): fc.Arbitrary<Body | undefined> {
  const { method, url } = route
  const none = fc.constant(undefined)
  const odd = fc.constantFrom(...oddBodies)
  if (method === 'GET' || method === 'HEAD')
    return fc.oneof({ weight: 9, arbitrary: none }, { weight: 1, arbitrary: odd })
  const schema = bodySchemaOf(route)
  const valid = schema === undefined ? plainBody(url) : schemaBody(schema)
  return fc.oneof(
    { weight: 1, arbitrary: none },
    { weight: 4, arbitrary: valid.map(asJson) },
    { weight: 4, arbitrary: broken(valid).map(asJson) },
    { weight: 1, arbitrary: valid.chain(cutText) },
    { weight: 2, arbitrary: fc.array(fc.oneof(valid, broken(valid)), { maxLength: 5 }).map(asLines) },
    { weight: 2, arbitrary: odd }
  )
}

/** The fields of the schema, in both forms where it has a request within it. */
function schemaBody(schema: TSchema): fc.Arbitrary<unknown> {
  const valid = allowedBy(schema, hints)
  const merge = fc.tuple(valid, nativeBody).map(([own, native]) => {
    const { request: _request, ...others } = own as Record<string, unknown>
    return { ...native, ...others }
  })
  return fc.oneof({ weight: 2, arbitrary: valid }, { weight: 1, arbitrary: merge })
}

function plainBody(url: string): fc.Arbitrary<unknown> {
  return /^\/(api|v1)\//.test(url) ? nativeBody : fc.jsonValue({ maxDepth: 2 })
}

const asJson = (value: unknown): Body => ({ type: json, text: toText(value) })

const asLines = (values: readonly unknown[]): Body => ({ type: ndjson, text: values.map(toText).join('\n') })

function cutText(value: unknown): fc.Arbitrary<Body> {
  const text = toText(value)
  return fc.nat({ max: text.length }).map(end => ({ type: json, text: text.slice(0, end) }))
}

/** Requests for `route`. */
export function requestsFor(route: Route): fc.Arbitrary<Request> {
  const framing = fc.oneof(
    { weight: 8, arbitrary: fc.constant<Framing>('length') },
    { weight: 1, arbitrary: fc.constantFrom<Framing>('chunked', 'cut') }
  )
  return fc
    .record({ path: pathOf(route), query: queryOf(route), fields, body: bodyOf(route), framing })
    .map(({ path, query, fields, body, framing }) => ({
      method: route.method,
      url: route.url,
      target: path + query,
      fields: body?.type === undefined ? fields : [...fields, ['content-type', body.type] as const],
      body: body?.text,
      framing
    }))
}

/** The bytes of a request. */
export function bytesOf(request: Request, learned: Readonly<Record<KnownKind, readonly string[]>>): Buffer {
  const body = request.body === undefined ? undefined : Buffer.from(fillIn(request.body, learned))
  const lines = [
    `${request.method} ${fillIn(request.target, learned)} HTTP/1.1`,
    'host: localhost',
    'connection: close',
    ...request.fields.map(([name, value]) => `${name}: ${fillIn(value, learned)}`)
  ]
  if (body === undefined) return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (request.framing === 'chunked') {
    const chunks = body.length === 0 ? '' : `${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n`
    return Buffer.from(
      `${[...lines, 'transfer-encoding: chunked'].join('\r\n')}\r\n\r\n${chunks}0\r\n\r\n`,
      'latin1'
    )
  }
  const announced = request.framing === 'cut' ? body.length + 10 : body.length
  const head = Buffer.from(`${[...lines, `content-length: ${announced}`].join('\r\n')}\r\n\r\n`, 'latin1')
  return Buffer.concat([head, body])
}

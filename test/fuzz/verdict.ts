/** What every answer must be, whatever was asked. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { surfaceOf } from '../../core/errors.ts'
import type { Request } from './request.ts'
import type { Route } from './routes.ts'
import type { Reply } from './wire.ts'

interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
  readonly request_id: string
}

const page = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8')
const documentedCodes = new Set([...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code!))

/** Answers of 5xx that no caller can bring about by a bad request: foreman tells what state it is in. */
const honest5xx = ['draining', 'queue_full', 'storage_low', 'interrupted']

/** Holds a reply against the promises of its route. @throws {AssertionError} */
export function judge(route: Route, request: Request, reply: Reply): void {
  assert.notEqual(reply.headers['foreman-error-code'], 'internal', reply.body.toString())
  // `/` and `/api` and `/v1` speak with the target's words, and it may fail as it likes.
  const isOwn = surfaceOf(request.target) === 'problem' && route.url !== '/'
  // A balancer that asks whether foreman is ready reads the status; the body tells why in words of its own.
  if (!isOwn || (route.url === '/readyz' && reply.status === 503)) return
  if (reply.status >= 400) judgeProblem(request, reply)
  else judgeSuccess(route, reply)
}

function judgeProblem({ method }: Request, { status, headers, body }: Reply): void {
  assert.equal(headers['content-type'], 'application/problem+json', body.toString())
  const code = headers['foreman-error-code']
  assert.ok(code !== undefined && documentedCodes.has(code), `code ${code} is in docs/errors.md`)
  if (status >= 500) assert.ok(status === 503 && honest5xx.includes(code), `${status} ${code}`)
  if (method === 'HEAD') return
  const problem = JSON.parse(body.toString()) as Problem
  assert.deepEqual([problem.status, problem.code], [status, code])
  for (const text of [problem.type, problem.title, problem.detail, problem.request_id])
    assert.equal(typeof text, 'string')
  assert.ok(body.length < 20_000, 'the answer gives the request back')
  if (code === 'validation_failed') judgeFaults(problem)
}

function judgeFaults({ errors = [] }: Problem): void {
  assert.notEqual(errors.length, 0, 'a fault and no place of it')
  for (const { pointer, detail } of errors) {
    assert.match(pointer, /^$|^\//)
    assert.ok(detail.length > 0)
  }
}

const compiled = new Map<TSchema, ReturnType<typeof Compile>>()

/** The answer is what its schema, and so the documentation, says. */
function judgeSuccess({ schema, method }: Route, { status, headers, body, cut }: Reply): void {
  const declared = schema.response?.[status]
  const isJson = headers['content-type']?.startsWith('application/json') === true
  if (declared === undefined || !isJson || cut || method === 'HEAD') return
  if (!compiled.has(declared)) compiled.set(declared, Compile(declared))
  const value = JSON.parse(body.toString())
  const check = compiled.get(declared)!
  assert.ok(check.Check(value), JSON.stringify(check.Errors(value)).slice(0, 500))
}

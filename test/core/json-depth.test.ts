import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { installErrors } from '../../core/errors.ts'
import { boundJson, isDeeperThan } from '../../core/json-depth.ts'
import fc from '../helpers/fast-check.ts'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const deeper = (text: string, limit: number) => isDeeperThan(Buffer.from(text), limit)

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

test('the depth is that of the containers, whatever stands in names and strings', () => {
  const text = fc.string({ unit: fc.constantFrom('[', '{', '"', '\\', ']', '}', 'a', '\u2028') })
  const json = fc.json({ maxDepth: 6, stringUnit: fc.constantFrom('[', '{', '"', '\\', ']', 'a') })
  fc.assert(
    fc.property(json, text, (inner, word) => {
      const whole = JSON.stringify({ [word]: [word, JSON.parse(inner)] })
      const depth = depthOf(JSON.parse(whole))
      assert.equal(deeper(whole, depth), false)
      assert.equal(deeper(whole, depth - 1), true)
    })
  )
})

test('64 MB of opening brackets are judged at the first that is too deep, and as many flat ones without a stack', () => {
  const bytes = 64 * 1024 * 1024
  assert.equal(isDeeperThan(Buffer.alloc(bytes, '['), 64), true)
  assert.equal(isDeeperThan(Buffer.alloc(bytes, '[],'), 64), false)
})

test('a route that leaves its JSON to foreman gets none deeper than the limit, and no prototypes', async t => {
  const app = Fastify()
  t.after(() => app.close())
  installErrors(app)
  boundJson(app, 8)
  app.post('/', async ({ body }) => ({ body }))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const post = async (body: string) => {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    return [answer.status, ((await answer.json()) as { detail?: string }).detail]
  }
  assert.deepEqual(await post(nested(8)), [200, undefined])
  assert.deepEqual(await post(nested(9)), [422, 'is nested deeper than 8 (limits.json_depth)'])
  assert.deepEqual(await post('['.repeat(9)), [422, 'is nested deeper than 8 (limits.json_depth)'])
  assert.deepEqual(await post('[1,'), [400, 'The body is not valid JSON: syntax error'])
  assert.deepEqual(await post(''), [400, 'The body is not valid JSON: it is empty'])
  assert.equal((await post('{"__proto__":{}}'))[0], 400)
})

/** Requests that a seed chooses, sound and broken: whatever comes back is an answer that the description tells of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, type Request, requestsFor } from '../../fuzz/request.ts'
import { type Route, withRoutes } from '../../fuzz/routes.ts'
import { exchange } from '../../fuzz/wire.ts'
import fc from '../../helpers/fast-check.ts'
import type { Operation } from './description.ts'
import { Stage } from './stage.ts'

const count = 1500
const seed = 20_261_123
const resumeEach = 25
const answerWithinMs = 5000
const leaveAfterMs = 100

/** Bodies that end too early are not waited for, and streams and long waits neither. */
function mayTakeLong({ framing, body, fields }: Request): boolean {
  const waits = fields.some(([name, value]) => name === 'prefer' && value.includes('wait=1'))
  return waits || (framing === 'cut' && body !== undefined)
}

/** What stands for a parameter may have slashes in it, and then the path is that of no operation. */
function leadsThere({ url, target }: Request): boolean {
  const [path] = target.split('?', 1)
  return url.includes('*') || path!.split('/').length === url.split('/').length
}

const nameOf = ({ method, url }: Pick<Route, 'method' | 'url'>) =>
  `${method} ${url.replace(/:(\w+)/g, '{$1}')}`

/** A head is promised what its GET is. */
const shownName = (route: Pick<Route, 'method' | 'url'>) => nameOf(route).replace(/^HEAD /, 'GET ')

test('no answer is without its place in the description', async t => {
  const { built: stage, routes } = await withRoutes(() => Stage.start(t))
  const operations = new Map<string, Operation>(
    stage.description.operations.map(operation => [`${operation.method} ${operation.path}`, operation])
  )
  const told = routes.filter(route => route.method !== 'HEAD' && operations.has(shownName(route)))
  assert.equal(new Set(told.map(nameOf)).size, operations.size)
  const learned = {
    job: [
      await stage.job('done'),
      await stage.job('canceled'),
      await stage.job('queued'),
      await stage.job('removed')
    ],
    art: [await stage.artifact(), await stage.artifact()],
    whe: [await stage.endpoint()],
    dlv: [await stage.delivery(await stage.endpoint())],
    cursor: ['x'.repeat(32)]
  }
  const requests = fc.sample(fc.oneof(...told.map(requestsFor)), { numRuns: count, seed })
  const faults: string[] = []
  const answered: Record<string, number> = {}
  for (const [at, request] of requests.entries()) {
    if (at % resumeEach === 0) await stage.made({ method: 'POST', path: '/queue/resume' })
    const isKnown = request.fields.some(([name]) => name === 'authorization')
    const fields = isKnown
      ? request.fields
      : [...request.fields, ['authorization', `Bearer ${stage.admin}`] as const]
    const reply = await exchange(stage.url, request.method, bytesOf({ ...request, fields }, learned), {
      silenceMs: mayTakeLong(request) ? leaveAfterMs : answerWithinMs,
      halfClose: request.framing === 'cut' && request.body !== undefined
    })
    if (reply === undefined || reply.cut) {
      assert.ok(mayTakeLong(request), `no answer to ${request.method} ${request.target}`)
      continue
    }
    // What is no HTTP, or too long, has come to no operation; the description says so of all of them.
    if (/cannot be read as HTTP|The head of the request is larger/.test(String(reply.body))) continue
    if (!leadsThere(request)) continue
    try {
      stage.description.judge(operations.get(shownName(request))!, reply)
    } catch (err) {
      faults.push(`${request.method} ${request.target.slice(0, 100)}: ${(err as Error).message}`)
    }
    answered[reply.status] = (answered[reply.status] ?? 0) + 1
  }
  assert.deepEqual(faults, [])
  t.diagnostic(JSON.stringify(answered))
  assert.ok(Object.keys(answered).length > 8, 'many kinds of answers were seen')
})

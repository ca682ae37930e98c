/**
 * Who gets in where: every route against every sort of caller, over sockets. A route that is new has no row and fails,
 * and so does a row whose route is gone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Scope, scopes } from '../../../core/access/scopes.ts'
import { newId } from '../../../core/jobs/ids.ts'
import { type Row, rows } from './matrix.ts'
import { type Answer, startWorld, type World } from './matrix-world.ts'

const nameOf = ({ method, url }: Row) => `${method} ${url}`

test('every route answers every sort of caller as the table says', async t => {
  const { world, routes } = await startWorld(t)
  const before = await world.look()

  await t.test('each route has a row, and each row a route', () => {
    assert.deepEqual(rows.map(nameOf).toSorted(), routes.toSorted())
    const isAbout = ({ path, body = '' }: Row) => `${path} ${body}`.includes('{id}')
    assert.deepEqual(
      rows.filter(isAbout),
      rows.filter(({ of }) => of !== undefined)
    )
  })

  await t.test('whoever shows no good token is told so, but on open routes', async () => {
    const counts = world.counts()
    await forEachRow(row =>
      Object.entries(world.wrong).map(async ([what, authorization]) => {
        const answer = await world.ask(row, authorization, sharedId(world, row))
        check(`${nameOf(row)}, ${what}`, () => assertUnknown(row, what, answer))
      })
    )
    assert.deepEqual(world.counts(), counts, 'something was made')
  })

  await t.test('a scope that does not suffice is refused, and one that does is let in', () =>
    forEachRow(row =>
      scopes.map(async scope => {
        const isEnough = suffices(scope, row)
        const isSpent = row.spends && isEnough
        const id = isSpent ? await world.make(row.of!) : sharedId(world, row)
        const answer = await world.ask(row, `Bearer ${world.alone.get(scope)}`, id)
        check(`${nameOf(row)}, ${scope}`, () =>
          isEnough ? assertLetIn(row, answer) : assertRefused(row, answer)
        )
      })
    )
  )

  await t.test('what is of another owner is not there, but for admin', async () => {
    const about = rows.filter(row => row.of !== undefined && row.needs !== 'admin')
    assert.ok(about.length > 10)
    await forEachRow(row => [assertForeign(world, row)], about)
  })

  await t.test('what is not there needs no token', async () => {
    for (const [method, path] of nowhere) {
      for (const authorization of Object.values(world.wrong))
        assert.equal((await world.send(method, path, authorization)).status, 404, `${method} ${path}`)
    }
  })

  assert.deepEqual(await world.look(), before, 'nobody changed what was to be left alone')
})

const nowhere = [
  ['GET', '/nowhere'],
  ['GET', '/api/nowhere'],
  ['GET', '/v1/nowhere'],
  ['PUT', '/jobs'],
  ['GET', '/queue/pause'],
  ['GET', '/jobs/x/nowhere'],
  ['GET', '/tokens/x/rotate'],
  ['POST', '/healthz']
] as const

/** One row after the other, as the table has them; the callers of one at once. @throws {AssertionError} with all that failed */
async function forEachRow(callers: (row: Row) => Promise<void>[], some = rows): Promise<void> {
  const failed: string[] = []
  for (const row of some) {
    for (const outcome of await Promise.allSettled(callers(row))) {
      if (outcome.status === 'rejected') failed.push((outcome.reason as Error).message)
    }
  }
  assert.equal(failed.length, 0, failed.join('\n'))
}

/** Puts the name of a case before what is wrong with it. */
function check(name: string, assertion: () => void): void {
  try {
    assertion()
  } catch (err) {
    throw new Error(`${name}: ${(err as Error).message.replaceAll(/\s+/g, ' ')}`)
  }
}

function sharedId(world: World, { of }: Row): string | undefined {
  return of && world.mine.get(of)
}

/** As docs/security.md has it: `admin` is all of them, and whoever uses models may look at them. */
function suffices(scope: Scope, { needs }: Row): boolean {
  if (needs === 'open' || needs === 'known' || scope === 'admin') return true
  return scope === needs || (scope === 'inference' && needs === 'models:read')
}

function assertUnknown(row: Row, what: string, answer: Answer): void {
  if (row.needs === 'open') return assertLetIn(row, answer)
  assert.equal(answer.status, 401)
  const fault = what === 'none' ? '' : ', error="invalid_token"'
  assert.equal(answer.headers['www-authenticate'], `Bearer realm="foreman"${fault}`)
  assertShape(row, answer, 'unauthorized')
}

function assertRefused(row: Row, answer: Answer): void {
  assert.equal(answer.status, 403)
  assertShape(row, answer, 'insufficient_scope')
}

/** Foreman's own routes do what they are asked to; the target says what it likes of the others. */
function assertLetIn(row: Row, { status, headers, body }: Answer): void {
  const code = headers['foreman-error-code']
  if (row.leaves && !row.url.endsWith('/'))
    return assert.deepEqual([status, code], [403, 'leaves_this_machine'])
  if (row.upgrades) return assert.deepEqual([status, code], [426, 'upgrade_required'])
  const told = `${status} ${body}`
  assert.ok(status !== 401 && status !== 403, told)
  // Fastify wants to know the type of what QUERY brings, and refuses it without.
  if (row.method !== 'QUERY') assert.equal(code, undefined, told)
  if (row.surface === 'problem' && row.url !== '/') assert.ok(status < 300, told)
}

type Code = 'unauthorized' | 'insufficient_scope'

/** What a client of each family reads. */
function assertShape(row: Row, { headers, body, status }: Answer, code: Code): void {
  assert.equal(headers['foreman-error-code'], code)
  if (row.method === 'HEAD') return assert.equal(body, '')
  const needed = `This needs the scope ${row.needs}, which the token does not have`
  const message = code === 'unauthorized' ? 'unauthorized' : needed
  const type = code === 'unauthorized' ? 'authentication_error' : 'permission_error'
  const { request_id, ...told } = JSON.parse(body)
  if (row.surface === 'native') return assert.deepEqual(told, { error: message })
  if (row.surface === 'openai') {
    return assert.deepEqual(told, { error: { message, type: 'api_error', param: null, code: null } })
  }
  assert.equal(typeof request_id, 'string')
  if (row.surface === 'anthropic') return assert.deepEqual(told, { type: 'error', error: { type, message } })
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.deepEqual([told.status, told.code, told.type], [status, code, `/problems/${code}`])
  if (code === 'insufficient_scope') assert.equal(told.detail, needed)
}

/** Another owner's object is answered as one that never was; an administrator finds it. */
async function assertForeign(world: World, row: Row): Promise<void> {
  const token = `Bearer ${world.alone.get(row.needs as Scope)}`
  const never = row.of === 'artifact' ? newId('art') : newId('job')
  const [foreign, unknown] = await Promise.all([
    world.ask(row, token, world.others.get(row.of!)),
    world.ask(row, token, never)
  ])
  const owner = row.spends ? await world.make(row.of!) : world.others.get(row.of!)
  const asAdmin = await world.ask(row, `Bearer ${world.admin}`, owner)
  check(`${nameOf(row)}, foreign`, () => {
    assert.equal(foreign.status, 404)
    assert.equal(foreign.headers['foreman-error-code'], 'not_found')
    assert.deepEqual(withoutRequest(foreign), withoutRequest(unknown))
    assertLetIn(row, asAdmin)
  })
}

/** An answer without what tells one request from another. */
function withoutRequest({ status, headers, body }: Answer) {
  const { date: _date, 'foreman-request-id': _id, ...others } = headers
  const told = body === '' ? {} : JSON.parse(body)
  return { status, headers: others, told: { ...told, instance: '', request_id: '' } }
}

/** Every route is in the document, and nothing else; and each says what it must. */
import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { errorCodes } from '../../../core/errors.ts'
import { startForeman, temporaryDir } from '../../helpers/foreman.ts'
import { codesOf, Description } from './description.ts'

const target = 'http://127.0.0.1:9'

const emptyStatuses = ['101', '204', '304']
/** The target answers those with nothing but a status. */
const emptyOfTarget = ['ollama_copy_model', 'ollama_delete_model', 'ollama_upload_blob']

/** Every route as it is added, from the first on. */
async function withRoutes<T>(build: () => Promise<T>): Promise<{ built: T; routes: RouteOptions[] }> {
  const routes: RouteOptions[] = []
  const initialization = channel('fastify.initialization')
  const note = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', route => void routes.push(route))
  }
  initialization.subscribe(note)
  try {
    return { built: await build(), routes }
  } finally {
    initialization.unsubscribe(note)
  }
}

/** `METHOD /path` of each that is no secret. A head is that of its GET. */
function shown(routes: readonly RouteOptions[]): string[] {
  return routes
    .filter(({ schema }) => schema?.hide !== true)
    .flatMap(({ method, url }) => [method].flat().map(one => `${one} ${url.replace(/:(\w+)/g, '{$1}')}`))
    .filter(name => !name.startsWith('HEAD '))
}

test('the document has every route, and nothing else', async t => {
  const settings = { plugins: { auth: {} } }
  const { built, routes } = await withRoutes(() => startForeman(t, { target, settings }))
  const { operations } = await Description.of(built.url)
  const told = operations.map(({ method, path }) => `${method} ${path}`)
  assert.ok(told.length > 60)
  assert.deepEqual(told.toSorted(), shown(routes).toSorted())
})

test('every operation has a name, a summary, a group, an answer that is no error, and says who may', async t => {
  const { url, app } = await startForeman(t, { target, settings: { plugins: { auth: {} } } })
  const { operations, document } = await Description.of(url)
  for (const { method, path, operationId, summary, tags, answers, security } of operations) {
    const name = `${method} ${path}`
    assert.match(operationId ?? '', /^[a-z]+(_[a-z]+)+$/, `${name} has an operationId (config.api)`)
    assert.ok(summary?.length > 0, `${name} has a summary`)
    assert.equal(tags?.length, 1, `${name} has a tag`)
    const good = [...answers].filter(([status]) => /^(101|[23])/.test(status))
    assert.ok(good.length > 0, `${name} has an answer`)
    for (const [status, { description, content }] of good) {
      assert.notEqual(description, 'Default Response', `${name} says what ${status} means`)
      const isEmpty = emptyStatuses.includes(status) || emptyOfTarget.includes(operationId)
      assert.equal(content === undefined, isEmpty, `${name} says what ${status} brings`)
    }
    assert.ok(Array.isArray(security), `${name} says who may`)
  }
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8'))
  assert.deepEqual([document.openapi, document.info.version], ['3.1.0', version])
  assert.match(document.info.description, /Clients must ignore fields/)
  assert.ok(app.hasPlugin('openapi'))
})

test('what an operation can refuse is in the catalogue, and the problem document knows all codes', async t => {
  const { url } = await startForeman(t, { target, settings: { plugins: { auth: {} } } })
  const { operations, document } = await Description.of(url)
  const known = document.components.schemas.Problem!.properties!.code!.enum!
  assert.deepEqual(known, errorCodes())
  const told = operations.flatMap(({ answers }) => [...answers.values()].flatMap(codesOf))
  assert.deepEqual(
    [...new Set(told)].filter(code => !known.includes(code)),
    []
  )
})

const schemaOnly = (words: string) => `
import fp from '${import.meta.resolve('fastify-plugin')}'
export default fp(async app => { app.get('/late', { ${words} }, async () => 'in') }, { name: 'late' })
`

test('a plugin of somebody else is in it as well, by what Fastify has for it', async t => {
  const dataDir = temporaryDir(t)
  const words =
    "schema: { operationId: 'late_one', summary: 'Late', tags: ['late'] }, config: { access: 'open' }"
  writeFileSync(join(dataDir, 'late.mjs'), schemaOnly(words))
  const settings = { plugins: { './late.mjs': true } }
  const { url } = await startForeman(t, { target, dataDir, settings })
  const { operations } = await Description.of(url)
  const late = operations.find(({ path }) => path === '/late')
  assert.deepEqual([late?.operationId, late?.summary, late?.tags], ['late_one', 'Late', ['late']])
})

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { loadPlugins } from '../../core/plugin-loader.ts'
import { ConfigError, type Settings } from '../../core/settings.ts'

const MODULES = resolve(import.meta.dirname, '../../node_modules')

/** Source of a plugin that notes when it was registered, and answers `GET /<name>` with its options. */
function source(name: string, dependencies: string[] = [], more = ''): string {
  return `
    import fp from 'fastify-plugin'
    import { Type } from 'typebox'
    ${more}
    export default fp(async (app, options) => {
      app.get('/${name}', () => options)
    }, { name: '${name}', dependencies: ${JSON.stringify(dependencies)} })`
}

const schema = (keys: string) =>
  `export const configSchema = Type.Object({ ${keys} }, { additionalProperties: false })`

/** A folder with these files in it, and beside them the packages that plugins import. */
function folder(t: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'foreman-plugins-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'plugins'))
  mkdirSync(join(root, 'node_modules'))
  for (const name of ['fastify-plugin', 'typebox'])
    symlinkSync(join(MODULES, name), join(root, 'node_modules', name))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** Loads plugins into a server that listens. */
async function load(
  t: TestContext,
  root: string,
  plugins: Settings['plugins'],
  prepare?: (app: FastifyInstance) => void
) {
  const app = Fastify()
  t.after(() => app.close())
  prepare?.(app)
  const names = await loadPlugins(app, plugins, { builtinDir: join(root, 'plugins'), baseDir: root })
  const base = await app.listen({ port: 0, host: '127.0.0.1' })
  const get = async (path: string) => {
    const res = await fetch(base + path)
    return res.ok ? await res.json() : res.status
  }
  return { names, get }
}

async function faultsOf(t: TestContext, files: Record<string, string>, plugins: Settings['plugins'] = {}) {
  const root = folder(t, files)
  try {
    await load(t, root, plugins)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.faults.map(({ path, problem }) => `${path}: ${problem}`.replaceAll(root, ''))
  }
  return assert.fail('expected a ConfigError')
}

test('built-in plugins are on by default, in the order of their dependencies', async t => {
  const root = folder(t, {
    'plugins/alpha/index.ts': source('alpha', ['zulu']),
    'plugins/mike/index.ts': source('mike', []),
    'plugins/yankee/index.ts': source('yankee', ['mike', 'alpha']),
    'plugins/zulu/index.ts': source('zulu', ['mike']),
    'plugins/no-plugin/helper.ts': 'throw new Error("never imported")'
  })
  const { names, get } = await load(t, root, {})
  assert.deepEqual(names, ['mike', 'zulu', 'alpha', 'yankee'])
  assert.deepEqual(await get('/yankee'), {})
})

test('a plugin that sees routes comes before the others, and after what it depends on', async t => {
  const sees = 'export const seesRoutes = true'
  const root = folder(t, {
    'plugins/alpha/index.ts': source('alpha'),
    'plugins/mike/index.ts': source('mike'),
    'plugins/watcher/index.ts': source('watcher', ['mike'], sees)
  })
  assert.deepEqual((await load(t, root, {})).names, ['mike', 'watcher', 'alpha'])
})

test('one that sees routes first comes before those that see routes', async t => {
  const root = folder(t, {
    'plugins/alpha/index.ts': source('alpha', [], 'export const seesRoutes = true'),
    'plugins/zulu/index.ts': source('zulu', [], "export const seesRoutes = 'first'")
  })
  assert.deepEqual((await load(t, root, {})).names, ['zulu', 'alpha'])
})

test('false turns a plugin off, also one that cannot be imported; a plugin may be off until it is named', async t => {
  const root = folder(t, {
    'plugins/gone/index.ts': 'throw new Error("never imported")',
    'plugins/quiet/index.ts': source('quiet', [], 'export const enabledByDefault = false'),
    'plugins/usual/index.ts': source('usual')
  })
  assert.deepEqual((await load(t, root, { gone: false })).names, ['usual'])
  assert.deepEqual((await load(t, root, { gone: false, usual: false, quiet: true })).names, ['quiet'])
  assert.deepEqual((await load(t, root, { gone: false, quiet: {} })).names, ['quiet', 'usual'])
})

test('options are checked, their defaults filled in, and text from variables is typed', async t => {
  const keys = `
    step: Type.Number({ default: 3 }), wait_s: Type.Optional(Type.Integer()), strict: Type.Boolean({ default: true }),
    names: Type.Array(Type.String(), { default: [] }), ports: Type.Array(Type.Integer(), { default: [] }),
    inner: Type.Object({ x: Type.Number({ default: 1 }) }, { default: {} })`
  const root = folder(t, { 'plugins/opt/index.ts': source('opt', [], schema(keys)) })
  const plain = await load(t, root, {})
  assert.deepEqual(await plain.get('/opt'), { step: 3, strict: true, names: [], ports: [], inner: { x: 1 } })
  const given = await load(t, root, {
    opt: { step: '1.5', strict: 'false', names: ['1'], ports: ['80'], inner: { x: '2' } }
  })
  assert.deepEqual(await given.get('/opt'), {
    step: 1.5,
    strict: false,
    names: ['1'],
    ports: [80],
    inner: { x: 2 }
  })
})

test('a plugin may be a path beside the configuration, or an npm package', async t => {
  const packaged = `
    const fp = require('fastify-plugin')
    module.exports = fp(async (app, options) => { app.get('/packaged', () => options) }, { name: 'packaged' })
    module.exports.configSchema = { type: 'object', properties: { room: { type: 'string', default: 'hall' } } }`
  const root = folder(t, {
    'plugins/base/index.ts': source('base'),
    'own/local.ts': source('local', ['packaged', 'base'], schema('room: Type.String()')),
    'node_modules/@scope/packaged/package.json':
      '{"name":"@scope/packaged","version":"1.0.0","main":"main.js"}',
    'node_modules/@scope/packaged/main.js': packaged
  })
  const absolute = join(root, 'own', 'absolute.ts')
  writeFileSync(absolute, source('absolute'))
  const { names, get } = await load(t, root, {
    './own/local.ts': { room: 'attic' },
    [absolute]: true,
    '@scope/packaged': {}
  })
  assert.deepEqual(names, ['base', 'packaged', 'local', 'absolute'])
  assert.deepEqual(await get('/local'), { room: 'attic' })
  assert.deepEqual(await get('/packaged'), { room: 'hall' })
})

test('all faults are told together, each with its key', async t => {
  const files = {
    'plugins/wrong-name/index.ts': source('other-name'),
    'plugins/strict/index.ts': source(
      'strict',
      [],
      schema('step: Type.Number(), room: Type.Optional(Type.String())')
    ),
    'plugins/bare/index.ts': source('bare'),
    'plugins/throws/index.ts': 'throw new Error("no such device")',
    'plugins/unwrapped/index.ts': 'export default async () => {}',
    'own.ts': source('own', [], schema('step: Type.Number({ default: 1 })'))
  }
  const plugins = {
    bare: { room: 'attic' },
    strict: { romo: 'attic' },
    './own.ts': { stepp: 2 },
    './none.ts': {},
    throw: false,
    'not-installed': true
  }
  const faults = await faultsOf(t, files, plugins)
  const missing = faults.findIndex(fault => fault.startsWith('plugins["./none.ts"]'))
  assert.match(
    faults.splice(missing, 1)[0]!,
    /the plugin cannot be imported: Cannot find module '\/none\.ts'/
  )
  assert.deepEqual(faults.sort(), [
    'plugins.bare.room: this plugin takes no options',
    "plugins.not-installed: there is no built-in plugin and no installed package of the name 'not-installed'; the nearest built-in plugin is unwrapped",
    'plugins.strict.romo: unknown key; the nearest known one is plugins.strict.room',
    'plugins.strict.step: expected a number, found nothing',
    "plugins.throw: there is no built-in plugin and no installed package of the name 'throw'; the nearest built-in plugin is throws",
    'plugins.throws: the plugin cannot be imported: no such device',
    'plugins.unwrapped: expected /plugins/unwrapped/index.ts to have a named fastify-plugin as its default export',
    "plugins.wrong-name: expected the built-in plugin to be named as its folder, found the name 'other-name'",
    'plugins["./own.ts"].stepp: unknown key; the nearest known one is plugins["./own.ts"].step'
  ])
})

test('a plugin says itself what is wrong with options that fit its schema, before anything is registered', async t => {
  const check = `
    ${schema('odd: Type.Number(), room: Type.Optional(Type.String())')}
    export const checkOptions = ({ odd }) => odd % 2 ? [] : [{ path: 'odd', problem: odd + ' is even' }]`
  const files = {
    'plugins/first/index.ts': source('first', [], "export const checkOptions = () => { throw 'asked' }"),
    'plugins/picky/index.ts': source('picky', ['first'], check),
    'plugins/strict/index.ts': source('strict', [], check)
  }
  const faults = await faultsOf(t, files, { picky: { odd: 2 }, strict: { odd: 4, romo: 1 } })
  assert.deepEqual(faults.sort(), [
    'plugins.picky.odd: 2 is even',
    'plugins.strict.romo: unknown key; the nearest known one is plugins.strict.room'
  ])
  const { get } = await load(t, folder(t, files), { picky: { odd: 3 }, strict: false })
  assert.deepEqual(await get('/picky'), { odd: 3 })
})

test('a dependency that is missing or switched off stops the start, naming both sides', async t => {
  const files = {
    'plugins/jobs/index.ts': source('jobs'),
    'plugins/quiet/index.ts': source('quiet', [], 'export const enabledByDefault = false'),
    'plugins/broken/index.ts': 'throw new Error("no such device")',
    'plugins/sse/index.ts': source('sse', ['jobs', 'quiet', 'broken', 'nowhere', 'decorated'])
  }
  assert.deepEqual((await faultsOf(t, files, { jobs: false })).sort(), [
    'plugins.broken: the plugin cannot be imported: no such device',
    "plugins.sse: plugin 'sse' needs plugin 'broken', which cannot be used either, see plugins.broken",
    "plugins.sse: plugin 'sse' needs plugin 'decorated', which is not there",
    "plugins.sse: plugin 'sse' needs plugin 'jobs', which is switched off in plugins.jobs",
    "plugins.sse: plugin 'sse' needs plugin 'nowhere', which is not there",
    "plugins.sse: plugin 'sse' needs plugin 'quiet', which is off until plugins.quiet switches it on"
  ])
})

test('plugins that need each other stop the start', async t => {
  const files = {
    'plugins/a/index.ts': source('a', ['b']),
    'plugins/b/index.ts': source('b', ['c']),
    'plugins/c/index.ts': source('c', ['b']),
    'plugins/self/index.ts': source('self', ['self'])
  }
  assert.deepEqual(await faultsOf(t, files), [
    "plugins.b: plugins need each other, so none can be first: 'b' needs 'c' needs 'b'",
    "plugins.self: plugins need each other, so none can be first: 'self' needs 'self'"
  ])
})

test('two plugins of one name stop the start', async t => {
  const files = { 'plugins/jobs/index.ts': source('jobs'), 'mine.ts': source('jobs') }
  assert.deepEqual(await faultsOf(t, files, { './mine.ts': true }), [
    'plugins["./mine.ts"]: its name \'jobs\' is also that of plugins.jobs'
  ])
})

test('what core registered itself counts as there', async t => {
  const root = folder(t, { 'plugins/reader/index.ts': source('reader', ['store']) })
  const store = Object.assign(async () => {}, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'store',
    [Symbol.for('plugin-meta')]: { name: 'store' }
  })
  const app = Fastify()
  t.after(() => app.close())
  await app.register(store)
  const places = { builtinDir: join(root, 'plugins'), baseDir: root }
  assert.deepEqual(await loadPlugins(app, {}, places), ['reader'])
})

test('a plugin that fails to start is named, with the cause', async t => {
  const failing = `
    import fp from 'fastify-plugin'
    export default fp(async () => { throw new Error('address in use') }, { name: 'failing' })`
  const root = folder(t, { 'plugins/failing/index.ts': failing })
  await assert.rejects(load(t, root, {}), (error: Error) => {
    assert.equal(error.message, "plugin 'failing' did not start: address in use")
    assert.equal((error.cause as Error).message, 'address in use')
    return true
  })
  const needy = source('needy').replace(
    "name: 'needy'",
    "name: 'needy', decorators: { fastify: ['nothing'] }"
  )
  await assert.rejects(
    load(t, folder(t, { 'plugins/needy/index.ts': needy }), {}),
    /plugin 'needy' did not start: .*'nothing'/
  )
})

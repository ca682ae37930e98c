/**
 * Holds the rules of the house that no compiler knows: which way imports may point, and that every export says
 * what it promises. Reads the sources as text, so a file that nothing imports yet is held to them as well.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'

const ROOT = resolve(import.meta.dirname, '..')
const ONLY_IMPORTER_OF_BETTER_QUEUE = 'core/queue/lane.ts'

interface Source {
  /** Relative to the repository, with slashes. */
  path: string
  text: string
}

interface Import {
  /** What is imported: a path relative to the repository, or a package. */
  from: string
  /** Erased before the program runs. `import { type X }` is not: the file is still loaded. */
  typeOnly: boolean
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+\s+from\s+)?'([^']+)'/gm
const CALL = /\b(?:import|require)\(\s*'([^']+)'\s*\)/g

function importsOf({ path, text }: Source): Import[] {
  const locate = (name: string) => (name.startsWith('.') ? join(dirname(path), name) : name)
  const statements = [...text.matchAll(STATEMENT)].map(([, type, name]) => ({
    from: locate(name!),
    typeOnly: type !== undefined
  }))
  const calls = [...text.matchAll(CALL)].map(([, name]) => ({ from: locate(name!), typeOnly: false }))
  return [...statements, ...calls]
}

/** The room a file is in: `core`, or one plugin. */
function roomOf(path: string): string {
  return /^plugins\/[^/]+/.exec(path)?.[0] ?? path.split('/')[0]!
}

function isForbidden(path: string, { from, typeOnly }: Import): boolean {
  if (/^better-queue($|\/)/.test(from)) return !typeOnly && path !== ONLY_IMPORTER_OF_BETTER_QUEUE
  const intoPlugin = from.startsWith('plugins/') && roomOf(from) !== roomOf(path)
  return intoPlugin && (roomOf(path) === 'core' || !typeOnly)
}

function breachesOf(source: Source): string[] {
  const forbidden = importsOf(source).filter(found => isForbidden(source.path, found))
  return forbidden.map(({ from }) => `${source.path} imports ${from}`)
}

const EXPORT =
  /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:function\*?|const|let|class|interface|type|enum)\s+(\w+)/

/** Names of exports with no docstring on the line above. `configSchema` is told by the header of its plugin. */
function undocumentedExports({ path, text }: Source): string[] {
  const lines = text.split('\n').filter(line => !line.trimStart().startsWith('// biome-ignore'))
  const documented = new Set(['configSchema'])
  return lines.flatMap((line, at) => {
    const name = EXPORT.exec(line)?.[1]
    // The second of two overloads has its docstring on the first.
    if (name === undefined || documented.has(name)) return []
    documented.add(name)
    return endsDocstring(lines.slice(0, at)) ? [] : [`${path} exports ${name} without a docstring`]
  })
}

function endsDocstring(lines: readonly string[]): boolean {
  if (lines.at(-1)?.trimEnd().endsWith('*/') !== true) return false
  return lines
    .findLast(line => line.includes('/*'))!
    .trimStart()
    .startsWith('/**')
}

function sources(): Source[] {
  const paths = globSync('{core,plugins}/**/*.ts', { cwd: ROOT }).map(path => path.replaceAll('\\', '/'))
  return paths.map(path => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

test('imports point from plugins to core, and better-queue has one importer', () => {
  const found = sources()
  assert.ok(found.length > 20, 'the sources are where this test looks for them')
  assert.deepEqual(found.flatMap(breachesOf), [])
})

test('every export of core and of the plugins has a docstring', () => {
  assert.deepEqual(sources().flatMap(undocumentedExports), [])
})

test('the rule on imports notices each breach', () => {
  const breaches = (path: string, text: string) => breachesOf({ path, text }).length
  assert.equal(breaches('core/app.ts', "import { x } from '../plugins/jobs/index.ts'"), 1)
  assert.equal(breaches('core/app.ts', "import type { X } from '../plugins/jobs/index.ts'"), 1)
  assert.equal(breaches('core/app.ts', "const x = await import('../plugins/jobs/index.ts')"), 1)
  assert.equal(breaches('core/app.ts', "import {\n  x,\n  type Y\n} from '../plugins/jobs/index.ts'"), 1)
  assert.equal(breaches('core/jobs/store.ts', "export * from '../../plugins/jobs/index.ts'"), 1)
  assert.equal(breaches('plugins/sse/index.ts', "import '../jobs/index.ts'"), 1)
  assert.equal(breaches('plugins/sse/index.ts', "import { type X } from '../jobs/index.ts'"), 1)
  assert.equal(breaches('plugins/sse/index.ts', "import type { X } from '../jobs/index.ts'"), 0)
  assert.equal(
    breaches('plugins/sse/index.ts', "import type {} from '../../core/app.ts'\nimport { y } from './y.ts'"),
    0
  )
  assert.equal(breaches('core/queue/worker.ts', "import Queue from 'better-queue'"), 1)
  assert.equal(breaches('core/queue/worker.ts', "import type { Store } from 'better-queue'"), 0)
  assert.equal(breaches('plugins/jobs/index.ts', "import x from 'better-queue/lib/queue.js'"), 1)
  assert.equal(breaches('core/queue/lane.ts', "import Queue from 'better-queue'"), 0)
})

test('the rule on docstrings notices each export without one', () => {
  const missing = (text: string) => undocumentedExports({ path: 'x.ts', text }).length
  assert.equal(missing('export const a = 1'), 1)
  assert.equal(missing('/** Header. */\n\nexport function a() {}'), 1)
  assert.equal(missing('/* no docstring */\nexport class A {}'), 1)
  assert.equal(missing('/** A. */\nexport type A = 1\nexport async function b() {}'), 1)
  assert.equal(missing('/** A. */\nexport function a(x: 1): 1\nexport function a(x: 2): 2'), 0)
  assert.equal(missing('/**\n * A.\n */\n// biome-ignore lint: why\nexport interface A {}'), 0)
  assert.equal(missing("export { a } from './a.ts'\nexport default 1\nexport const configSchema = 1"), 0)
})

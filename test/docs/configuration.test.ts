import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SchemaNode } from '../../core/settings/check.ts'
import { NAMED_VARIABLES } from '../../core/settings/environment.ts'
import { loadSettings, settingsSchema } from '../../core/settings.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Every key of the schema that holds a value, with its default. */
function leavesOf(node: SchemaNode, path = ''): [path: string, fallback: unknown][] {
  if (node.properties === undefined) return [[path, node.default]]
  return Object.entries(node.properties).flatMap(([key, child]) =>
    leavesOf(child, path === '' ? key : `${path}.${key}`)
  )
}

const LEAVES = leavesOf(settingsSchema as SchemaNode)

function valueAt(tree: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], tree)
}

function load(t: TestContext, yaml: string, env: Record<string, string> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'foreman-example-'))
  t.after(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'foreman.yaml'), yaml)
  return loadSettings({ env, cwd })
}

test('docs/configuration.md names every key with its default, and no other', () => {
  const rows = [...read('docs/configuration.md').matchAll(/^\| `([a-z_.]+)` \| (?:`([^`]+)`|–) \| .+ \|$/gm)]
  const onPage = Object.fromEntries(rows.map(([, key, fallback]) => [key, fallback]))
  const words = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value))
  const inSchema = LEAVES.map(
    ([key, fallback]) => [key, fallback === undefined ? undefined : words(fallback)] as const
  )
  assert.ok(rows.length > 40)
  assert.deepEqual(onPage, Object.fromEntries(inSchema))
})

test('docs/configuration.md names every variable, and no other', () => {
  const rows = [...read('docs/configuration.md').matchAll(/^\| `([A-Z_]+)` \| (?:`([a-z_.]+)`)?/gm)]
  const onPage = new Map(rows.map(([, variable, key]) => [variable, key]))
  assert.equal(onPage.delete('FOREMAN_CONFIG'), true)
  assert.deepEqual(onPage, new Map<string | undefined, string>(NAMED_VARIABLES))
})

test('the report on the page is what foreman says', t => {
  const report = /```\n(the configuration has [\s\S]*?)\n```/.exec(read('docs/configuration.md'))![1]
  const yaml = 'queue: { patience_s: { normal: soon } }\nqeue: {}\n'
  assert.throws(() => load(t, yaml), { message: report })
})

test('the variables on the page work as it says', t => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(read('docs/configuration.md'))![1]!
  const { port, target } = load(t, yaml, { BOX: 'gpu' })
  assert.deepEqual([port, target.url, target.token], [8080, 'http://gpu:11434', undefined])
})

test('the example configuration has every key with its default, and nothing unknown', t => {
  const lines = read('deploy/foreman.example.yaml').split('\n')
  const keys = lines.filter(line => !line.startsWith('##')).map(line => line.replace(/^#/, ''))
  const settings = load(t, keys.join('\n'), { FOREMAN_TARGET_TOKEN: 'secret' })
  for (const [key, fallback] of LEAVES) {
    const name = new RegExp(`^ *${key.split('.').at(-1)}: *\\S`)
    assert.ok(
      keys.some(line => name.test(line)),
      `${key} stands in the example`
    )
    assert.notEqual(valueAt(settings, key), undefined, `${key} stands at its place`)
    if (fallback !== undefined && key !== 'data_dir') assert.deepEqual(valueAt(settings, key), fallback, key)
  }
})

test('the example configuration as it is changes nothing', t => {
  const { data_dir, base_dir, ...settings } = load(t, read('deploy/foreman.example.yaml'))
  const { data_dir: _, base_dir: __, ...defaults } = load(t, '')
  assert.deepEqual(settings, defaults)
})

/** Both places that show the options of webhooks show all of them, with their defaults. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import Value from 'typebox/value'
import { parse } from 'yaml'
import { configSchema } from '../../plugins/webhooks/config.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const defaults = Value.Default(configSchema, {}) as Record<string, unknown>
const names = Object.keys(configSchema.properties)
/** They have none. */
const without = ['public_url', 'proxy_trusted']

test('docs/configuration.md has every option of webhooks with its default, and names the others', () => {
  const section = read('docs/configuration.md').split('#### Webhooks\n')[1]!
  const { plugins } = parse(/```yaml\n([\s\S]*?)```/.exec(section)![1]!)
  assert.deepEqual(plugins.webhooks, defaults)
  assert.deepEqual(
    names.filter(name => !(name in defaults)),
    without
  )
  for (const name of without) assert.ok(section.includes(`\`${name}\``), name)
})

test('the example configuration has every option of webhooks, with its default', () => {
  const [, block] = /^## {3}webhooks:\n((?:## {5}.*\n)+)/m.exec(read('deploy/foreman.example.yaml'))!
  const shown = parse(block!.replaceAll(/^##/gm, ''))
  assert.deepEqual(Object.keys(shown).toSorted(), names.toSorted())
  for (const [name, value] of Object.entries(defaults)) assert.deepEqual(shown[name], value, name)
  assert.ok(Value.Check(configSchema, shown))
})

/**
 * A plugin that listens for itself, or reads and writes files of its own, needs a line in the stack: here it is missed
 * where that line is.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { SchemaNode } from '../../core/settings/check.ts'
import { settingsSchema } from '../../core/settings.ts'
import { type NetworkUse, networksOf, read, readCompose, root } from './compose-file.ts'

/** Keys that name what a container has not got by itself: an address, a file or a folder. */
const ofTheSystem = /^(listen|host|port|bind|socket|path|dir|file)$|_(listen|host|port|socket|path|dir|file)$/

/** Keys that need nothing in the stack. One that is gone from the schemas must go from here too. */
const exceptions = new Map([
  ['target.tls.ca_file', 'the Ollama of the stack speaks plain http'],
  ['target.tls.cert_file', 'the same'],
  ['target.tls.key_file', 'the same'],
  ['secret_key_file', 'beside the database unless somebody mounts another place']
])

const compose = readCompose('compose.yaml')
const settings = parse(read('deploy/compose/foreman.yaml'))
const plugins = readdirSync(join(root, 'plugins'))

interface PluginModule {
  readonly configSchema?: SchemaNode
}

const schemaOf = async (plugin: string) =>
  ((await import(`../../plugins/${plugin}/index.ts`)) as PluginModule).configSchema

test('every address, file and folder of a setting is wired in the stack, or is excepted with a reason', async () => {
  const keys = keysOf(settingsSchema as SchemaNode)
  for (const plugin of plugins) keys.push(...keysOf(await schemaOf(plugin), `plugins.${plugin}`))
  const found = keys.filter(key => ofTheSystem.test(key.split('.').at(-1)!))
  assert.ok(found.length > 5)
  const open = found.filter(key => !isWired(key))
  assert.deepEqual(open.sort(), [...exceptions.keys()].sort())
})

test('a plugin that opens a listener of its own takes the address from a setting', async () => {
  for (const plugin of plugins) {
    if (!opensListener(join(root, 'plugins', plugin))) continue
    const keys = keysOf(await schemaOf(plugin)).filter(key => ofTheSystem.test(key))
    assert.ok(keys.length > 0, `${plugin} listens, and no setting says where`)
  }
})

test('the metrics listen on the network of Prometheus alone', () => {
  const { networks, ports } = compose.services.foreman!
  const [, host, port] = /^(\S+):(\d+)$/.exec(settings.plugins.metrics.listen)!
  const listening = Object.entries(networks as Record<string, NetworkUse | null>).filter(([, use]) =>
    use?.aliases?.includes(host!)
  )
  const [network] = listening.map(([name]) => name)
  assert.equal(listening.length, 1)
  const callers = Object.entries(compose.services).filter(([, service]) =>
    networksOf(service).includes(network!)
  )
  assert.deepEqual(callers.map(([name]) => name).sort(), ['foreman', 'grafana', 'prometheus'])
  assert.match(read('deploy/prometheus/prometheus.yml'), new RegExp(`foreman:${port}`))
  for (const published of ports!) assert.ok(!published.endsWith(`:${port}`))
})

/** By the settings of the stack, or by a variable that the image has. */
function isWired(key: string): boolean {
  const value = key.split('.').reduce((node, name) => node?.[name], settings)
  if (value !== undefined) return true
  const variable = `FOREMAN_${key.toUpperCase()}=`
  return !key.includes('.') && read('Dockerfile').includes(variable)
}

/** Every key that holds a value, with the names above it. */
function keysOf(node: SchemaNode | undefined, path = ''): string[] {
  if (node?.properties === undefined) return path === '' ? [] : [path]
  return Object.entries(node.properties).flatMap(([key, child]) =>
    keysOf(child, path === '' ? key : `${path}.${key}`)
  )
}

function opensListener(dir: string): boolean {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  return files.some(name => /\.listen\(|createServer\(/.test(readFileSync(join(dir, name), 'utf8')))
}

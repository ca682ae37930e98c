/** The callers of deploy/recipes beside foreman's own stack, and what docs/recipes.md says of them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { loadSettings } from '../../core/settings.ts'
import { networksOf } from './compose-file.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

interface Service {
  image?: string
  build?: string
  ports?: string[]
  networks?: string[] | Record<string, null>
  environment?: Record<string, string>
  volumes?: string[]
  [key: string]: unknown
}

interface Stack {
  services: Record<string, Service>
  volumes?: Record<string, unknown>
}

const page = read('docs/recipes.md')
const base = parse(read('compose.yaml'), { merge: true }) as Stack
const recipes = globSync('deploy/recipes/*.compose.yaml', { cwd: ROOT }).map(path => ({
  path,
  text: read(path),
  stack: parse(read(path), { merge: true }) as Stack
}))
const callers = recipes.flatMap(({ path, stack }) =>
  Object.entries(stack.services).map(([name, service]) => ({ path, name, service }))
)
const isValid = validator()

function validator() {
  const { $id, $schema, ...schema } = JSON.parse(read('node_modules/dclint/schemas/compose.schema.json'))
  return new Ajv({ strict: false, validateFormats: false }).compile(schema)
}

/** Two files as compose lays one over the other: mappings key by key, lists one after the other. */
function laidOver(under: unknown, over: unknown): unknown {
  if (Array.isArray(under) && Array.isArray(over)) return [...under, ...over]
  if (!isMapping(under) || !isMapping(over)) return over
  const merged = Object.entries(over).map(([key, value]) => [
    key,
    key in under ? laidOver(under[key], value) : value
  ])
  return { ...under, ...Object.fromEntries(merged) }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The variables that a file takes from `.env`: name, `:-` or `:?`, and what stands behind it. */
function variablesOf(text: string) {
  return [...text.matchAll(/\$\{(\w+)(:[-?])([^}]*)\}/g)].map(([, name, kind, rest]) => ({
    name,
    kind,
    rest
  }))
}

test('there are recipes, and the page has a row for each and for no other', () => {
  const rows = [...page.matchAll(/^\| \[[^\]]+\]\(#[^)]+\) \| `([\w.-]+)` \|/gm)].map(([, file]) => file)
  assert.ok(recipes.length >= 5)
  assert.deepEqual(rows.sort(), recipes.map(({ path }) => basename(path)).sort())
})

for (const { path, text, stack } of recipes) {
  test(`${path} is valid alone and over compose.yaml, and only adds to it`, () => {
    assert.deepEqual([isValid(stack), isValid.errors], [true, null])
    assert.deepEqual([isValid(laidOver(base, stack)), isValid.errors], [true, null])
    assert.deepEqual(
      Object.keys(stack.services).filter(name => name in base.services),
      []
    )
  })

  test(`docs/recipes.md says what ${path} takes from .env, with the defaults`, () => {
    assert.ok(text.includes('${'))
    assert.doesNotMatch(text, /\$\{\w+\}|\$\w/, 'a variable that is unset would come out empty')
    for (const { name, kind, rest } of variablesOf(text)) {
      const row = kind === ':-' ? `| \`${name}\` | \`${rest}\` |` : `| \`${name}\` | – |`
      assert.ok(page.includes(row), `no row ${row}`)
    }
  })

  test(`docs/recipes.md fills in and starts ${path}`, () => {
    for (const { name } of variablesOf(text).filter(({ kind }) => kind === ':?')) {
      assert.match(page, new RegExp(`(printf|echo) '${name}=.* >> \\.env`))
    }
    assert.ok(page.includes(`docker compose -f compose.yaml -f ${path} `))
  })
}

for (const { name, service, path } of callers) {
  test(`${name} reaches foreman with a token, and Ollama not at all`, () => {
    const { environment = {} } = service
    assert.ok(Object.values(environment).some(value => value.includes('http://foreman:8080')))
    assert.ok(
      Object.values(environment).some(value => /\$\{\w+_TOKEN:\?/.test(value)),
      'no start without a token'
    )
    assert.deepEqual(service.networks ?? ['default'], ['default'])
    assert.equal(service.network_mode, undefined)
    assert.equal(service.links, undefined)
    assert.doesNotMatch(JSON.stringify(service), /11434|\/\/ollama\b/)
  })

  test(`${name} has an image of a fixed version, ports on loopback, and mounts what is there`, () => {
    const { image = '', build, ports = [], volumes = [] } = service
    if (build === undefined) assert.match(image, /:v?\d+\.\d+\.\d+$/)
    else assert.match(read(join(build, 'Dockerfile')), /^FROM [a-z]+:\d+\.\d+-/m)
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$/)
    const declared = recipes.find(recipe => recipe.path === path)!.stack.volumes ?? {}
    for (const volume of volumes) {
      const source = volume.replace(/^\$\{\w+:-([^}]+)\}/, '$1').split(':')[0]!
      if (source.startsWith('.'))
        assert.ok(existsSync(join(ROOT, source)), `${source} is not in the repository`)
      else if (!source.startsWith('$')) assert.ok(source in declared, `${source} is no volume of ${path}`)
    }
  })
}

test('Ollama is on no network that a caller is on', () => {
  const { foreman, ollama } = base.services
  assert.ok(networksOf(foreman!).includes('default'))
  assert.ok(!networksOf(ollama!).includes('default'))
})

test('no two services of the whole stack want the same port of this machine', () => {
  const services = [...Object.values(base.services), ...callers.map(({ service }) => service)]
  const ports = services.flatMap(({ ports = [] }) => ports.map(port => /:-(\d+)\}:\d+$/.exec(port)?.[1]))
  assert.ok(ports.length > 4 && !ports.includes(undefined))
  assert.deepEqual(
    ports.filter((port, index) => ports.indexOf(port) !== index),
    []
  )
})

test('callers wait longer than foreman lets a call wait', () => {
  const { limits } = loadSettings({ env: {}, cwd: tmpdir() })
  const litellm = parse(read('deploy/recipes/litellm/config.yaml')).litellm_settings
  const of = (name: string) => callers.find(caller => caller.name === name)!.service.environment!
  const seconds = [litellm.request_timeout, Number(of('aider').AIDER_TIMEOUT)]
  for (const waits of seconds) assert.ok(waits > limits.attached_start_timeout_s, `${waits} s`)
  assert.equal(litellm.num_retries, 0)
  // These two wait longer by themselves.
  assert.equal(of('open-webui').AIOHTTP_CLIENT_TIMEOUT, undefined)
  assert.equal(of('n8n').N8N_AI_TIMEOUT_MAX, undefined)
})

test('every command of the page that makes a token makes one, and every list of scopes is one', t => {
  const dataDir = mkdtempSync(join(tmpdir(), 'foreman-recipes-'))
  t.after(() => rmSync(dataDir, { recursive: true }))
  const commands = [...page.matchAll(/foreman token create (.+?)\)"/g)].map(([, args]) => args!)
  const lists = [...page.matchAll(/^\| .+ \| `([a-z:,]+)` \|$/gm)].map(
    ([, list]) => `--name x --scopes ${list}`
  )
  assert.ok(commands.length > recipes.length && lists.length >= 3)
  for (const args of new Set([...commands, ...lists])) {
    const made = execFileSync(process.execPath, ['core/main.ts', 'token', 'create', ...args.split(' ')], {
      cwd: ROOT,
      env: { ...process.env, FOREMAN_DATA_DIR: dataDir, FOREMAN_CONFIG: '', FOREMAN_TOKEN: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8'
    })
    assert.match(made, /^fm_\w+\n$/)
  }
})

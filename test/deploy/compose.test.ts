/** The stack without an engine: what compose.yaml says, and whether all it names is there. deploy/verify.sh runs it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { unusedUrl } from '../core/target/servers.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import {
  composeValidator,
  networksOf,
  read,
  readCompose,
  root,
  variablesOf,
  withDefaults
} from './compose-file.ts'

const compose = readCompose('compose.yaml')
const services = Object.entries(compose.services)
const foreman = compose.services.foreman!
const page = read('docs/containers.md')

test('both files are what the Compose Specification knows', () => {
  const validate = composeValidator()
  for (const file of ['compose.yaml', 'compose.gpu.yaml'])
    assert.ok(validate(readCompose(file)), JSON.stringify(validate.errors))
  assert.equal(validate({ services: { foreman: { imagee: 'x' } } }), false)
})

test('the overlay for cards changes Ollama alone', () => {
  const overlay = readCompose('compose.gpu.yaml')
  assert.deepEqual(Object.keys(overlay.services), ['ollama'])
  assert.ok(compose.services.ollama)
})

test('images of others are pinned to a release', () => {
  for (const [name, { image }] of services) {
    if (name !== 'foreman') assert.match(image!, /^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+$/, name)
  }
  assert.equal(compose.services.models!.image, compose.services.ollama!.image)
})

test('every service gives its rights away, comes back by itself and keeps its log small', () => {
  for (const [name, service] of services) {
    assert.deepEqual(service.cap_drop, ['ALL'], name)
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name)
    assert.ok((service.logging as { options: object }).options, name)
    assert.equal(service.restart, name === 'models' ? 'on-failure:5' : 'unless-stopped', name)
    for (const key of ['privileged', 'cap_add', 'network_mode', 'pid', 'ipc', 'devices'])
      assert.equal(service[key], undefined, `${name}: ${key}`)
  }
})

test('foreman has limits, a root it cannot write, and a stop longer than its own', () => {
  assert.equal(foreman.read_only, true)
  assert.equal(foreman.init, true)
  assert.equal(foreman.user, undefined, 'the image says who')
  assert.ok(foreman.mem_limit && foreman.pids_limit)
  const shutdown = /shutdown_s: (\d+)/.exec(read('deploy/foreman.example.yaml'))![1]
  assert.ok(Number.parseInt(String(foreman.stop_grace_period), 10) > Number(shutdown))
})

test('foreman waits for nobody', () => {
  assert.equal(foreman.depends_on, undefined)
  assert.equal(compose.services.models!.depends_on, undefined)
})

test('nothing is published beyond this machine unless asked for, and Ollama not at all', () => {
  const ports = services.flatMap(([name, service]) =>
    (service.ports ?? []).map(port => [name, port] as const)
  )
  assert.deepEqual(ports.map(([name]) => name).sort(), ['foreman', 'grafana', 'prometheus'])
  for (const [name, port] of ports) assert.match(withDefaults(port), /^127\.0\.0\.1:\d+:\d+$/, name)
  for (const [, port] of ports) assert.doesNotMatch(port, /11434|9464/)
})

test('foreman alone reaches Ollama, and callers that name no network reach foreman', () => {
  const on = (network: string) =>
    services.flatMap(([name, service]) => (networksOf(service).includes(network) ? [name] : []))
  assert.deepEqual(on('target').sort(), ['foreman', 'models', 'ollama'])
  assert.deepEqual(on('default'), ['foreman'])
  assert.deepEqual(compose.services.ollama!.networks, ['target'])
})

test('every file that is mounted is in the checkout, and cannot be written', () => {
  const mounts = services.flatMap(([, { volumes = [] }]) => volumes.filter(volume => volume.startsWith('.')))
  assert.ok(mounts.length > 4)
  for (const mount of mounts) {
    const [path, , mode] = mount.split(':')
    assert.ok(existsSync(join(root, path!)), path)
    assert.equal(mode, 'ro', path)
  }
  const named = services.flatMap(([, { volumes = [] }]) => volumes.filter(volume => /^\w/.test(volume)))
  const names = new Set(named.map(volume => volume.split(':')[0]!))
  assert.deepEqual([...names].sort(), Object.keys(compose.volumes!).sort())
})

test('no secret has to be prepared: what stands in is there and empty', () => {
  for (const [name, { file }] of Object.entries(compose.secrets!)) {
    assert.equal(read(withDefaults(file)), '', name)
    assert.ok(foreman.secrets!.includes(name), name)
    assert.ok(read('deploy/compose/foreman.yaml').includes(`/run/secrets/${name}`), name)
  }
})

test('each path in foreman is one that its image has or that is mounted', () => {
  const targets = foreman.volumes!.map(volume => volume.split(':')[1])
  const dockerfile = read('Dockerfile')
  assert.ok(targets.includes('/data') && dockerfile.includes('FOREMAN_DATA_DIR=/data'))
  assert.ok(targets.includes('/backup') && /install .* \/data \/backup/.test(dockerfile))
  assert.ok(targets.includes('/app/foreman.yaml') && dockerfile.includes('WORKDIR /app'))
})

test('docs/containers.md explains every variable of the two files, and no other', () => {
  const used = new Set(['compose.yaml', 'compose.gpu.yaml'].flatMap(file => variablesOf(read(file))))
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| `?([^|`]*)`? \|/gm)]
  assert.deepEqual(rows.map(([, name]) => name).sort(), [...used].sort())
  for (const [, name, fallback] of rows) {
    const given = new RegExp(`\\$\\{${name}:-([^}]*)\\}`).exec(read('compose.yaml'))![1]!
    assert.equal(fallback!.replace('–', '').trim(), given.replace('./deploy/compose/no-secret', ''), name)
  }
})

test('every command on the page names services and profiles that there are', () => {
  const profiles = new Set(
    services.flatMap(([, service]) => (service.profiles as string[] | undefined) ?? [])
  )
  for (const [, name] of page.matchAll(/--profile (\w+)/g)) assert.ok(profiles.has(name!), name)
  const commands = [
    ...page.matchAll(/^docker compose (?:--\w+ \S+ )*(?:exec|logs|restart|stop) (?:-\w+ )*(\w+)/gm)
  ]
  assert.ok(commands.length > 3)
  for (const [command, service] of commands) assert.ok(compose.services[service!], command)
})

test('foreman starts with the settings of the stack', async t => {
  const settings = parse(read('deploy/compose/foreman.yaml'))
  assert.equal(settings.target.url, 'http://ollama:11434')
  const empty = join(root, 'deploy/compose/no-secret')
  // What is elsewhere than in a container: the secrets, and a port that may be taken.
  settings.target = { url: await unusedUrl(), token_file: empty }
  settings.plugins.auth.token_file = empty
  settings.plugins.metrics.listen = '127.0.0.1:0'
  const { url } = await spawnForeman(t, { target: settings.target.url, settings })
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
})

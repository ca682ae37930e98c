/** The image without an engine: the Dockerfile read, and its steps run on a copy of the packages. deploy/verify.sh builds it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { validate } from 'dockerfile-utils'
import { startTcp, unusedUrl } from '../core/target/servers.ts'
import { startForeman, temporaryDir } from '../helpers/foreman.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const dockerfile = read('Dockerfile')
const manifest = JSON.parse(read('package.json'))
const mostBytes = 60_000_000

/** Lines that are joined by a backslash are one. */
const instructions = dockerfile
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter(line => /^[A-Z]+ /.test(line))

const instructionsOf = (name: string) =>
  instructions.filter(line => line.startsWith(`${name} `)).map(line => line.slice(name.length + 1))

test('the linter has nothing to say of the Dockerfile', () => {
  assert.deepEqual(validate(dockerfile), [])
})

test('both stages are on one base of the Node that foreman asks for, and no frontend has to be fetched', () => {
  assert.deepEqual(instructionsOf('FROM'), ['node:24-bookworm-slim AS build', 'node:24-bookworm-slim'])
  assert.ok(24 >= Number(/\d+/.exec(manifest.engines.node)![0]))
  assert.doesNotMatch(dockerfile, /^# *syntax=/m)
})

test('the image runs as the user node, by forms that pass a signal on', () => {
  const last = instructions.slice(instructions.lastIndexOf('FROM node:24-bookworm-slim'))
  const users = last.filter(line => line.startsWith('USER '))
  assert.deepEqual(users, ['USER node'])
  assert.deepEqual(instructionsOf('ENTRYPOINT'), ['["foreman"]'])
  assert.deepEqual(instructionsOf('CMD'), ['["serve"]'])
  assert.match(instructionsOf('HEALTHCHECK')[0]!, /CMD \["node", "\/app\/healthcheck\.mjs"\]$/)
})

test('the command has the flags of npm start', () => {
  const [, flags] = /node (--\S+) core\/main\.ts/.exec(manifest.scripts.start)!
  assert.equal(read('core/main.ts').split('\n', 1)[0], `#!/usr/bin/env -S node ${flags}`)
})

test('the labels say what package.json says', () => {
  const label = (name: string) =>
    new RegExp(`org\\.opencontainers\\.image\\.${name}="([^"]+)"`).exec(dockerfile)![1]
  assert.equal(label('title'), manifest.name)
  assert.equal(label('description'), manifest.description)
  assert.equal(label('licenses'), manifest.license)
  assert.ok(instructionsOf('ARG').includes(`VERSION=${manifest.version}`))
  for (const name of ['version', 'revision', 'source']) assert.equal(label(name), `\${${name.toUpperCase()}}`)
})

test('the build gets what the Dockerfile copies, and nothing else', () => {
  const copied = instructionsOf('COPY').filter(line => !line.startsWith('--from='))
  const sources = new Set(copied.flatMap(line => line.split(' ').slice(0, -1)))
  const [all, ...let_through] = read('.dockerignore')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
  assert.equal(all, '*')
  const folders = let_through.map(line => line.replace(/^!/, ''))
  for (const path of sources) {
    assert.ok(existsSync(join(root, path)), path)
    assert.ok(
      folders.some(folder => path === folder || path.startsWith(`${folder}/`)),
      `${path} is let through`
    )
  }
  for (const folder of folders) {
    assert.ok(
      [...sources].some(path => path === folder || path.startsWith(`${folder}/`)),
      `${folder} is copied`
    )
  }
})

test('foreman starts on what the build leaves of the packages, and that is small', async t => {
  const app = temporaryDir(t)
  for (const name of ['core', 'plugins', 'package.json'])
    cpSync(join(root, name), join(app, name), { recursive: true })
  for (const path of runtimePackages())
    cpSync(join(root, path), join(app, path), { recursive: true, filter: isOwn(path) })
  await runStep('prune.ts', [join(app, 'node_modules')])
  await runStep('warm-up.ts', [join(app, 'core/main.ts')], {
    NODE_COMPILE_CACHE: join(app, 'compile-cache')
  })
  assert.ok(readdirSync(join(app, 'compile-cache')).length > 0)
  const bytes = sizeOf(app)
  assert.ok(bytes < mostBytes, `${bytes} bytes`)
  assert.ok(bytes > 5_000_000, `${bytes} bytes are less than foreman can be`)
})

test('the build fails where better-sqlite3 is not as it was', async t => {
  const modules = join(temporaryDir(t), 'node_modules')
  const sqlite = join(modules, 'better-sqlite3')
  cpSync(join(root, 'node_modules/better-sqlite3'), sqlite, { recursive: true })
  rmSync(join(sqlite, 'prebuilds'), { recursive: true })
  mkdirSync(join(sqlite, 'prebuilds'))
  await assert.rejects(runStep('prune.ts', [modules]), /has better-sqlite3 changed\?/)
})

test('a foreman without its target is healthy, in the words of the health check', async t => {
  const { url } = await startForeman(t, { target: await unusedUrl() })
  assert.equal(await healthOf(url), 0)
})

test('the health check finds a foreman that is gone, that fails and that hangs', async t => {
  assert.equal(await healthOf(await unusedUrl()), 1)
  const failing = createServer((_, res) => res.writeHead(503).end())
  t.after(() => failing.close())
  failing.listen(0, '127.0.0.1')
  await once(failing, 'listening')
  assert.equal(await healthOf(`http://127.0.0.1:${(failing.address() as AddressInfo).port}`), 1)
  // It takes the connection and never answers.
  assert.equal(await healthOf(await startTcp(t, () => {})), 1)
})

/** Folders of the packages that foreman runs on, as `npm ci --omit=dev` would make them. */
function runtimePackages(): string[] {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { dev?: boolean }>
  }
  return Object.entries(packages).flatMap(([path, { dev }]) => (path === '' || dev === true ? [] : [path]))
}

/** Not what lies in its own node_modules: that is a package for itself, and may be there for development alone. */
function isOwn(path: string): (source: string) => boolean {
  return source => !relative(join(root, path), source).split('/').includes('node_modules')
}

async function runStep(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const step = join(root, 'deploy/image', name)
  const child = spawn(process.execPath, [step, ...args], { env: { PATH: process.env.PATH, ...env } })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${said}`)
}

/** What an engine would see: the exit code of the check in an image with foreman at `url`. */
async function healthOf(url: string): Promise<number> {
  const env = { FOREMAN_HOST: '0.0.0.0', FOREMAN_PORT: new URL(url).port }
  const child = spawn(process.execPath, [join(root, 'deploy/image/healthcheck.mjs')], { env })
  const [code] = await once(child, 'exit')
  return code
}

function sizeOf(dir: string): number {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile())
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}

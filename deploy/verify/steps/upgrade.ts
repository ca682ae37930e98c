/** A volume that an older foreman wrote. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { buildOn, exportCommit, foremanImage, root } from '../images.ts'
import { eventually, run } from '../shell.ts'
import { project } from '../stack.ts'
import { LeftOut, type World } from '../world.ts'

const olderImage = 'foreman:older'
const migrations = 'core/database/migrations'
const jobs = 12

/** Runs in the container: takes or asks for jobs over loopback, with the first token where there is one. */
const client = `
  const { existsSync, readFileSync } = require('node:fs')
  const [count] = process.argv.slice(1)
  const file = '/data/admin-token'
  const authorization = existsSync(file) ? 'Bearer ' + readFileSync(file, 'utf8').trim() : ''
  const ask = async (path, init) => {
    const res = await fetch('http://127.0.0.1:8080' + path, { ...init, headers: { authorization, 'content-type': 'application/json' } })
    if (!res.ok) throw new Error(res.status + ' ' + (await res.text()))
    return res.json()
  }
  const one = n => ask('/jobs', { method: 'POST', body: JSON.stringify({ request: { model: 'llama3.2', prompt: 'number ' + n, options: { num_predict: 25 } } }) })
  const answer = async () => {
    for (let n = 0; n < Number(count); n++) await one(n)
    return (await ask('/jobs?limit=100')).data
  }
  answer().then(found => console.log(JSON.stringify(found.map(({ id, state }) => ({ id, state })))))`

/** Jobs handed in before are all there after it: those that were done still are, the others run. */
export async function olderVolumesAreTaken(world: World): Promise<string> {
  const commits = await olderSchemas()
  const [newest, oldest] = [commits[0], commits.at(-1)]
  if (newest === undefined) throw new LeftOut('the history of the checkout does not reach an older schema')
  await world.stack.up()
  const schemas = []
  for (const commit of new Set([newest, oldest!])) schemas.push(await isTaken(world, commit))
  return `${jobs} jobs each of schema ${schemas.join(' and ')}`
}

/** @returns the schema that the foreman of `commit` writes */
async function isTaken(world: World, commit: string): Promise<number> {
  const { engine } = world
  await buildOlder(world, commit)
  const volume = `foreman-older-${randomUUID()}`
  const older = await start(world, olderImage, volume)
  await talk(world, older, jobs)
  const before = await eventually('some are done and some wait', async () => {
    const states = await talk(world, older, 0)
    return states.filter(({ state }) => state === 'done').length > 1 && states
  })
  assert.ok(before.some(({ state }) => state === 'queued'))
  await engine.docker(['rm', '--force', older])
  const newer = await start(world, foremanImage, volume)
  const after = await eventually('all are done', async () => {
    const states = await talk(world, newer, 0)
    return states.every(({ state }) => state === 'done') && states
  })
  assert.deepEqual(after.map(({ id }) => id).sort(), before.map(({ id }) => id).sort())
  await engine.docker(['rm', '--force', newer])
  await engine.docker(['volume', 'rm', volume])
  return (await git('ls-tree', '--name-only', commit, `${migrations}/`)).split('\n').length
}

/** The commits before each that brought a migration, the newest first, as far as they had a route for jobs. */
async function olderSchemas(): Promise<string[]> {
  const added = await git('log', '--diff-filter=A', '--format=%H', '--', `${migrations}/*.sql`).catch(
    () => ''
  )
  const found: string[] = []
  for (const commit of added.split('\n').filter(Boolean)) {
    const hadJobs = await git('cat-file', '-e', `${commit}^:plugins/jobs/index.ts`).then(
      () => true,
      () => false
    )
    if (hadJobs) found.push(await git('rev-parse', `${commit}^`))
  }
  return found
}

function git(...args: string[]): Promise<string> {
  return run('git', args, { cwd: root })
}

/** Its code on the packages of today: what it needs is among them. */
async function buildOlder({ engine, dir }: World, commit: string): Promise<void> {
  const context = join(dir, 'older')
  await exportCommit(commit, ['core', 'plugins'], context)
  cpSync(join(root, 'package.json'), join(context, 'package.json'))
  const lines = [
    'USER root',
    'RUN rm -r /app/core /app/plugins',
    'COPY . /app',
    'RUN chmod 755 /app/core/main.ts',
    'USER node'
  ]
  await buildOn(engine, olderImage, lines, context)
}

/** Beside the stack's Ollama, and reached by nobody: one without tokens listens on loopback alone. */
async function start({ engine }: World, image: string, volume: string): Promise<string> {
  const env = ['FOREMAN_HOST=127.0.0.1', 'FOREMAN_TARGET_URL=http://ollama:11434'].flatMap(text => [
    '--env',
    text
  ])
  const flags = ['--detach', `--network=${project}_target`, `--volume=${volume}:/data`, ...env]
  const id = await engine.docker(['run', ...flags, image])
  await eventually('foreman answers', () => engine.docker(['exec', id, 'node', '/app/healthcheck.mjs']))
  return id
}

async function talk({ engine }: World, id: string, count: number): Promise<{ id: string; state: string }[]> {
  return JSON.parse(await engine.docker(['exec', id, 'node', '-e', client, String(count)]))
}

/** What a user does first. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Foreman } from '../foreman.ts'
import { administrator, type World } from '../world.ts'

const configured = 'a-token-that-a-person-made-up'

/** The token out of the volume, the command in the container, and a file of one's own. */
export async function tokensWork(world: World): Promise<string> {
  const { stack, dir } = world
  await stack.up()
  await (await administrator(world)).json('/whoami')
  const create = ['token', 'create', '--name', 'laptop', '--scopes', 'inference']
  const said = await stack.exec('foreman', 'foreman', ...create)
  const made = new Foreman(stack.ports.foreman, /fm_\w+/.exec(said)![0])
  assert.equal((await made.request('/api/tags')).status, 200)
  assert.equal((await made.request('/tokens')).status, 403)
  const file = join(dir, 'token')
  writeFileSync(file, `${configured}\n`, { mode: 0o644 })
  stack.set('FOREMAN_TOKEN_FILE', file)
  await stack.up('foreman')
  await new Foreman(stack.ports.foreman, configured).json('/tokens')
  stack.set('FOREMAN_TOKEN_FILE', undefined)
  await stack.up('foreman')
  assert.equal((await new Foreman(stack.ports.foreman, configured).request('/tokens')).status, 401)
  rmSync(file)
  return 'from the volume, from the command, from a file'
}

/** A native call that streams, and a job. */
export async function callsWork(world: World): Promise<string> {
  await world.stack.up()
  const foreman = await administrator(world)
  const body = JSON.stringify({ model: 'llama3.2', prompt: 'Hello', options: { num_predict: 50 } })
  const answer = await foreman.request('/api/generate', { method: 'POST', body })
  assert.equal(answer.status, 200)
  let chunks = 0
  let last = ''
  for await (const chunk of answer.body!) {
    chunks++
    last = Buffer.from(chunk).toString()
  }
  assert.ok(chunks > 10, `${chunks} chunks`)
  assert.match(last, /"done":true/)
  const id = await foreman.handIn({ model: 'gemma3:4b', prompt: 'Hello', tokens: 3 })
  assert.equal((await foreman.ended(id)).state, 'done')
  return `a stream of ${chunks} chunks, a job that is done`
}

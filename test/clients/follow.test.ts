/** The script of docs/examples/follow, run as its reader does. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { type FollowStage, manyWords, startFollowStage, storedText, word } from './follow-stage.ts'

const script = join(import.meta.dirname, '..', '..', 'docs', 'examples', 'follow', 'follow.mjs')
const separator = '\n\n--- the text begins anew ---\n\n'

type Script = ChildProcessByStdio<null, Readable, Readable>

test('the script prints the text of a job through the death of foreman, and ends', async t => {
  const stage = await startFollowStage(t)
  const id = await stage.submit(manyWords)
  const script = run(t, stage, id)
  const [out, err] = [text(script.stdout), text(script.stderr)]
  await prints(script, `${word}9`)
  await stage.restart('SIGKILL')
  const stored = storedText(await stage.ended(id))
  const [begun, whole, ...more] = (await out).split(separator)
  assert.equal(whole, stored)
  assert.ok(stored.startsWith(begun!) && begun!.includes(`${word}9`) && begun!.length < stored.length)
  assert.deepEqual(more, [])
  assert.match(await err, /^(\n\[[\w ]+: trying again\]\n)+$/)
  assert.equal(await codeOf(script), 0)
})

test('the script replays a job that has ended, and says why one is not done', async t => {
  const stage = await startFollowStage(t)
  const done = await stage.submit(5)
  const stored = storedText(await stage.ended(done))
  const replay = run(t, stage, done)
  assert.equal(await text(replay.stdout), stored)
  assert.equal(await codeOf(replay), 0)

  const canceled = await stage.submit(manyWords)
  const following = run(t, stage, canceled)
  const err = text(following.stderr)
  await prints(following, `${word}2`)
  await stage.ask(`/jobs/${canceled}/cancel`, {})
  assert.match(await err, /^\n\[canceled: .*\]\n$/)
  assert.equal(await codeOf(following), 1)
})

test('the script ends at once where asking again would not help', async t => {
  const stage = await startFollowStage(t)
  const unknown = run(t, stage, 'job_00000000000000000000000000')
  assert.match(await text(unknown.stderr), /^404 \{.*"code":"not_found".*\}\n$/)
  assert.equal(await codeOf(unknown), 1)
  const stranger = run(t, { ...stage, token: 'a-token-that-nobody-has-made' }, await stage.submit(1))
  assert.match(await text(stranger.stderr), /^401 /)
  assert.equal(await codeOf(stranger), 1)
})

function run(t: TestContext, { url, token }: Pick<FollowStage, 'url' | 'token'>, id: string): Script {
  const env = { PATH: process.env.PATH, FOREMAN_URL: url, FOREMAN_TOKEN: token }
  const child = spawn(process.execPath, [script, id], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill())
  return child
}

/** Waits until the script has printed `wanted`. */
function prints({ stdout }: Script, wanted: string): Promise<void> {
  let printed = ''
  return new Promise(resolve => {
    stdout.on('data', chunk => {
      printed += chunk
      if (printed.includes(wanted)) resolve()
    })
  })
}

async function codeOf(script: Script): Promise<number | null> {
  if (script.exitCode === null) await once(script, 'exit')
  return script.exitCode
}

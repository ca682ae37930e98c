/** The examples of docs/clients.md do what the page says: each is run as it stands there, with another address. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { start } from '../plugins/passthrough/stage.ts'
import { examplesIn } from './examples.ts'

test('the examples in JavaScript print the answer', async t => {
  const { url } = await start(t, { settings: { plugins: { auth: { token } } } })
  const examples = examplesIn('js', url)
  assert.equal(examples.length, 4)
  for (const code of examples) {
    assert.match(await run(code), /^tok0 tok1 .*tok7\s*$/)
  }
})

const token = 'the token of these tests'.replaceAll(' ', '-')

/** Runs a program in the repository's folder, so that it finds the packages. @returns what it printed */
async function run(code: string): Promise<string> {
  const cwd = join(import.meta.dirname, '..', '..')
  const args = ['--input-type=module', '--eval', code]
  const env = { ...process.env, FOREMAN_TOKEN: token }
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  assert.equal(status, 0, code)
  return printed
}

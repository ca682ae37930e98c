/**
 * Runs the Python clients and the examples of docs/clients.md that need more than Node: `npm run conformance`.
 *
 * Not part of the tests: it needs curl, Python 3 and a package index. It installs into a folder that goes with it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { start } from '../plugins/passthrough/stage.ts'
import { examplesIn } from './examples.ts'

const scripts = join(import.meta.dirname, 'python')
const token = 'the-token-of-these-clients'
/** Every client shows a token, as its page tells. */
const guarded = { settings: { plugins: { auth: { token } } } }

test('the examples for the shell run', async t => {
  const { url } = await start(t, guarded)
  for (const example of examplesIn('sh', url)) await run('sh', '-c', example.replaceAll('curl ', 'curl -sf '))
})

test('the Python clients get through foreman what they ask for', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'foreman-python-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const python = join(folder, 'bin', 'python')
  await run('python3', '-m', 'venv', folder)
  await run(python, '-m', 'pip', 'install', '--quiet', '-r', join(scripts, 'requirements.txt'))
  const { url } = await start(t, guarded)
  await run(python, join(scripts, 'conformance.py'), url)
  for (const example of examplesIn('python', url)) await run(python, '-c', example)
})

async function run(command: string, ...args: string[]): Promise<void> {
  const [code] = await once(
    spawn(command, args, {
      stdio: 'inherit',
      env: { ...process.env, FOREMAN_TOKEN: token, OLLAMA_API_KEY: token }
    }),
    'exit'
  )
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
}

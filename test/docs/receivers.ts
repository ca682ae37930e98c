/**
 * The receivers of docs/examples/webhooks, each started for real as its reader does.
 *
 * Each is a process of its own on a free port of the loopback address, gone when the test is over.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { temporaryDir } from '../helpers/foreman.ts'

/** One that takes messages. */
export interface Receiver {
  readonly url: string
  /** The next line that it prints: waits for it. */
  line(): Promise<string>
}

/** The languages that there is an example in. */
export const languages = ['node', 'python', 'go'] as const
export type Language = (typeof languages)[number]

const examples = resolve(import.meta.dirname, '../../docs/examples/webhooks')

/** Where its own installation puts it, for a shell whose PATH does not have it. */
const usualGo = '/usr/local/go/bin/go'
const go = ['go', usualGo].find(program => spawnSync(program, ['version']).status === 0)
const hasPython = spawnSync('python3', ['--version']).status === 0

/** For the option `skip` of a test: why the example of a language cannot run here, or false. */
export function missing(language: Language): string | false {
  const isThere = { node: true, python: hasPython, go: go !== undefined }[language]
  return isThere ? false : `${language} is not installed: nothing is proved of its example`
}

/** Makes what runs an example: program and arguments. What has to be built is built here, without a network. */
export function prepare(t: TestContext, language: Language): readonly [string, ...string[]] {
  const folder = join(examples, language)
  if (language === 'node') return [process.execPath, join(folder, 'receiver.mjs')]
  if (language === 'python') return ['python3', join(folder, 'receiver.py')]
  const program = join(temporaryDir(t), 'receiver')
  const env = { ...process.env, CGO_ENABLED: '0', GOPROXY: 'off', GOTOOLCHAIN: 'local' }
  execFileSync(go!, ['build', '-o', program, '.'], { cwd: folder, env })
  return [program]
}

/** Starts one that knows `secret`. */
export async function startReceiver(
  t: TestContext,
  [program, ...args]: readonly [string, ...string[]],
  secret: string
): Promise<Receiver> {
  const env = { ...process.env, WEBHOOK_SECRET: secret, PORT: '0' }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  const complaints = text(child.stderr)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  async function line(): Promise<string> {
    const { done, value } = await lines.next()
    if (done) throw new Error(`the receiver has ended: ${await complaints}`)
    return value
  }
  return { url: (await line()).replace('listening on ', ''), line }
}

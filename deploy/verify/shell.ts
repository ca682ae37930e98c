/** Runs programs, and waits for what they bring about. */
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const longestRunMs = 10 * 60_000
const mostOutputBytes = 64 * 1024 * 1024
const pauseMs = 200

/** What a program may be given. */
export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Goes to its standard input. */
  readonly input?: string
}

/**
 * Runs a program to its end.
 * @returns what it wrote to its standard output, without the blanks around it
 * @throws {Error} with what it wrote at last, where it ends with anything but 0
 */
export async function run(
  program: string,
  args: readonly string[],
  { input, ...options }: RunOptions = {}
): Promise<string> {
  const running = execute(program, [...args], {
    ...options,
    timeout: longestRunMs,
    maxBuffer: mostOutputBytes
  })
  running.child.stdin?.end(input)
  try {
    return (await running).stdout.trim()
  } catch (err) {
    const { code, stdout = '', stderr = '' } = err as { code?: number; stdout?: string; stderr?: string }
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n')
    throw new Error(`${program} ${args.slice(0, 4).join(' ')} ended with ${code}:\n${said}`)
  }
}

/** Whether a program can be run, and where it is. */
export async function locate(program: string): Promise<string | undefined> {
  return run('sh', ['-c', 'command -v "$0"', program]).catch(() => undefined)
}

/** An error that waiting does not mend. */
export class FinalError extends Error {}

/**
 * Asks until the answer is neither undefined, false nor an error.
 * @param what is waited for, for the message
 * @throws {FinalError} at once
 * @throws {Error} when that takes longer than `timeoutMs`, with the last error
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  timeoutMs = 60_000
): Promise<T> {
  const endsAt = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < endsAt) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (err) {
      if (err instanceof FinalError) throw err
      last = err
    }
    await sleep(pauseMs)
  }
  throw new Error(`not within ${timeoutMs / 1000} s: ${what}`, { cause: last })
}

/** A port of the loopback address that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}

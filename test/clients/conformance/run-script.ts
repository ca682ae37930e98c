/** Runs the script of a client and reads what it prints. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Command } from './clients.ts'

/** What one call of a script came to. */
export interface Outcome {
  readonly case: string
  readonly outcome: unknown
}

/** The good token of every script, and the wrong one. */
export const [token, wrongToken] = ['the-token-of-these-clients', 'a-token-of-nobody']

const longestMs = 120_000
/** What a client might read of its surroundings; a script is to know nothing but what it is told. */
const ofClients = /^(OLLAMA|OPENAI|ANTHROPIC|FOREMAN|LANGCHAIN|LANGSMITH|AI_SDK|NODE_TEST)_|^REAL$|_proxy$/i
/** What the caller says of a real target. */
const ofTarget = /^(CHAT|THINKING|EMBED)_MODEL$/

/** Runs it against `url`. @throws {Error} with its words when it fails, or prints anything but outcomes */
export async function runScript(
  { program, args, cwd }: Command,
  url: string,
  real = false
): Promise<Outcome[]> {
  const env = {
    ...surroundings(real),
    CLIENT_TOKEN: token,
    WRONG_TOKEN: wrongToken,
    ...(real && { REAL: '1' })
  }
  const child = spawn(program, [...args, url], {
    cwd,
    env,
    timeout: longestMs,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const [out, err, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close')
  ])
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code ?? signal}:\n${err}`)
  // The address is the caller's own: some libraries put it into their errors.
  return out.trimEnd().replaceAll(url, '<base url>').split('\n').map(read)
}

function surroundings(real: boolean): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !ofClients.test(name))
  return Object.fromEntries(kept.filter(([name]) => real || !ofTarget.test(name)))
}

function read(line: string): Outcome {
  const found = JSON.parse(line)
  if (typeof found.case !== 'string' || !('outcome' in found)) throw new Error(`no outcome: ${line}`)
  return found
}

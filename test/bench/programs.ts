/** Starts the programs of a benchmark, each as a process of its own that ends with the scenario. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type FakeConfig, type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import type { Scope } from '../helpers/foreman.ts'

/** A fake target that remembers next to nothing, so that it stays as quick as it began. */
export async function startTarget(scope: Scope, config: Partial<FakeConfig>): Promise<FakeOllama> {
  const fake = await startFakeOllama({ request_log_limit: 10, event_log_limit: 10, ...config })
  scope.after(() => fake.stop())
  return fake
}

/** The bare forwarder in front of `target`. @returns its base URL */
export async function startBareForwarder(scope: Scope, target: string): Promise<string> {
  const child = forkProgram(scope, 'bare-forwarder.ts', [target])
  const [url] = (await once(child, 'message')) as [string]
  return url
}

/** Forks a program of this folder; it is sent SIGTERM at the end. */
export function forkProgram(scope: Scope, file: string, args: readonly string[] = []): ChildProcess {
  const child = fork(join(import.meta.dirname, file), args, { execArgv: [] })
  scope.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  })
  return child
}

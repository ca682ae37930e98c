/**
 * Starts a fake Ollama as a process of its own and talks to its control routes.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FakeConfig } from './config.ts'
import type { FakeState } from './control/control.ts'
import type { FakeEvent, FakeEventType } from './control/recorder.ts'
import { ask } from './control-client.ts'

export type { FakeConfig, ModelConfig } from './config.ts'
export type { FakeState } from './control/control.ts'
export type { FakeEvent, FakeEventType } from './control/recorder.ts'
export type { RequestRecord } from './control/request-log.ts'
export type { FaultSpec } from './faults.ts'

/** What `waitFor` narrows down. */
export interface WaitOptions {
  /** Only events of this model, by its listed name. */
  model?: string
  /** Only events of this request. */
  request?: number
  /** Only events after this number. Defaults to 0, the start or the last reset. */
  since?: number
  /** Gives up after this long. Defaults to 10 s. */
  timeoutMs?: number
}

/** A running fake. */
export interface FakeOllama {
  /** Base URL, the same for its whole life. */
  readonly url: string
  /** What it did so far. */
  state(): Promise<FakeState>
  /** Changes settings from now on. @throws {Error} on an unknown one. */
  configure(patch: Partial<FakeConfig>): Promise<void>
  /** Begins anew with the settings of the start, changed by `patch`; requests on their way are cut. */
  reset(patch?: Partial<FakeConfig>): Promise<void>
  /** Kills the runner of a resident model. */
  crash(model: string): Promise<void>
  /**
   * Resolves with the matching events once there are `count` (1) of them, also when they are past.
   * @throws {Error} when that takes longer than `timeoutMs`.
   */
  waitFor(
    type: FakeEventType | ((event: FakeEvent) => boolean),
    count?: number,
    options?: WaitOptions
  ): Promise<FakeEvent[]>
  /** Ends the process in good order and waits until it is gone. */
  stop(): Promise<void>
  /** Kills the process, so that every connection breaks, and waits until it is gone. */
  kill(): Promise<void>
  /** Brings a stopped or killed fake back on the same port with its first settings; one that runs is killed before. */
  restart(): Promise<void>
}

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const LONG_POLL_MS = 1000

/** Forks a fake and waits until it listens. */
export async function startFakeOllama(config: Partial<FakeConfig> = {}): Promise<FakeOllama> {
  let { child, url } = await launch(config)
  const port = Number(new URL(url).port)

  async function post(action: string, body: object = {}): Promise<void> {
    await ask(`${url}/__fake/${action}`, 'POST', body)
  }

  return {
    url,
    state: () => ask<FakeState>(`${url}/__fake/state`),
    configure: patch => post('configure', patch),
    reset: patch => post('reset', patch),
    crash: model => post('crash', { model }),
    waitFor: (type, count = 1, options = {}) => waitFor(url, matcher(type, options), count, options),
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
    async restart() {
      await end(child, 'SIGKILL')
      ;({ child, url } = await launch({ ...config, port }))
    }
  }
}

async function launch(config: Partial<FakeConfig>): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(MAIN, ['--config', JSON.stringify(config)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (typeof message !== 'object' || message === null)
    throw new Error(`fake Ollama did not start (exit ${message})`)
  return { child, url: (message as { url: string }).url }
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

function matcher(
  type: FakeEventType | ((event: FakeEvent) => boolean),
  options: WaitOptions
): (event: FakeEvent) => boolean {
  return event =>
    (typeof type === 'string' ? event.type === type : type(event)) &&
    (options.model === undefined || event.model === options.model) &&
    (options.request === undefined || event.request === options.request)
}

async function waitFor(
  url: string,
  matches: (event: FakeEvent) => boolean,
  count: number,
  { since = 0, timeoutMs = 10_000 }: WaitOptions
): Promise<FakeEvent[]> {
  const deadline = performance.now() + timeoutMs
  const found: FakeEvent[] = []
  for (let from = since; ; ) {
    const leftMs = deadline - performance.now()
    const waitMs = Math.max(0, Math.min(leftMs, LONG_POLL_MS))
    const page = await ask<{ seq: number; events: FakeEvent[] }>(
      `${url}/__fake/events?since=${from}&wait_ms=${waitMs}`
    )
    found.push(...page.events.filter(matches))
    if (found.length >= count) return found
    if (leftMs <= 0) throw new Error(`fake Ollama: ${found.length} of ${count} events within ${timeoutMs} ms`)
    from = page.seq
  }
}

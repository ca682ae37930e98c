/** Starts the farm as a process of its own and talks to its control. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Scope } from '../helpers/foreman.ts'
import type { FarmConfig } from './config.ts'
import type { FarmAddresses } from './farm.ts'
import type { ReceiverName } from './receivers.ts'
import type { Count, Visit } from './visits.ts'

export type { FarmConfig } from './config.ts'
export { type ReceiverName, receiverNames } from './receivers.ts'
export type { Count, Visit } from './visits.ts'

/** What is waited for. */
export interface Wait {
  /** Defaults to 1. */
  readonly count?: number
  /** Only visits after this number. Defaults to 0. */
  readonly since?: number
  /** Defaults to 20 s. */
  readonly timeoutMs?: number
}

/** A running farm. */
export interface ReceiverFarm {
  /** For `plugins.webhooks.allow`: every receiver of it, and nothing else. */
  readonly allow: readonly string[]
  readonly pid: number
  /** Where a receiver takes webhooks. `path` comes back in what it notes. */
  url(receiver: ReceiverName, path?: string): string
  counts(): Promise<Readonly<Record<ReceiverName | 'trap', Count>>>
  /** Everything kept after visit `since` (0), in the order in which it came. */
  visits(since?: number): Promise<Visit[]>
  /**
   * Resolves with the visits that match once there are enough of them, past ones too.
   * @throws {Error} when that takes too long
   */
  waitFor(matches: (visit: Visit) => boolean, wait?: Wait): Promise<Visit[]>
  /** Changes settings from now on. @throws {Error} on an unknown one */
  configure(patch: Partial<FarmConfig>): Promise<void>
  /** Drops what was kept and counted of visits. */
  forget(): Promise<void>
}

const longestWaitMs = 20_000
const longPollMs = 1000

/**
 * Forks it and waits until it listens. It is killed when `scope` ends.
 * @param lowestPriority what it floods others with is dear: the processor belongs to who is measured. Defaults to false
 */
export async function startFarm(
  scope: Scope,
  config: Partial<FarmConfig> = {},
  lowestPriority = false
): Promise<ReceiverFarm> {
  const args = ['--config', JSON.stringify(config), ...(lowestPriority ? ['--lowest-priority'] : [])]
  const child = fork(join(import.meta.dirname, 'main.ts'), args, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const exited = once(child, 'exit')
  scope.after(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const [message] = await Promise.race([once(child, 'message'), exited])
  if (typeof message !== 'object' || message === null) throw new Error(`the farm ended (exit ${message})`)
  return farmAt(message as FarmAddresses, child.pid!)
}

function farmAt({ control, urls }: FarmAddresses, pid: number): ReceiverFarm {
  const visits = (since = 0, waitMs = 0) =>
    ask<Visit[]>(`${control}visits?since=${since}&wait_ms=${Math.ceil(waitMs)}`)
  return {
    pid,
    allow: Object.values(urls).map(url => `127.0.0.1/32:${new URL(url).port}`),
    url: (receiver, path = '') => new URL(path, urls[receiver]).href,
    counts: () => ask(`${control}counts`),
    visits: since => visits(since),
    async waitFor(matches, { count = 1, since = 0, timeoutMs = longestWaitMs } = {}) {
      const deadline = performance.now() + timeoutMs
      const found: Visit[] = []
      for (let from = since; found.length < count; ) {
        const leftMs = deadline - performance.now()
        if (leftMs <= 0) throw new Error(`${found.length} of ${count} visits within ${timeoutMs} ms`)
        const page = await visits(from, Math.min(leftMs, longPollMs))
        found.push(...page.filter(matches))
        from = page.at(-1)?.n ?? from
      }
      return found
    },
    configure: async patch => void (await ask(`${control}configure`, patch)),
    forget: async () => void (await ask(`${control}forget`, {}))
  }
}

async function ask<T>(url: string, body?: object): Promise<T> {
  const post = { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(url, body === undefined ? {} : post)
  const value = (await answer.json()) as T & { error?: string }
  if (!answer.ok) throw new Error(value.error)
  return value
}

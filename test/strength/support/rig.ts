/**
 * The rig of the strength tests: a fake Ollama with three small models, and foreman with short pauses before it.
 */
import assert from 'node:assert/strict'
import {
  type FakeConfig,
  type FakeEventType,
  type FakeOllama,
  startFakeOllama
} from '../../fake-ollama/start.ts'
import { type LocalForeman, type Scope, type SettingsPart, startForeman } from '../../helpers/foreman.ts'
import { ready } from './jobs.ts'

/** Short pauses, no lingering: a test does not wait where a user would be willing to. */
const shortPauses = {
  log_level: 'info',
  queue: { linger: 0 },
  limits: { shutdown_s: 0.2 },
  retry: { backoff_s: 0.05, backoff_factor: 1, backoff_jitter: 0 },
  poll: { ps_s: 0.2, probe_max_s: 0.2 }
} as const satisfies SettingsPart

/** `settings` over {@link shortPauses}, group by group. */
export function withShortPauses(settings: SettingsPart = {}): SettingsPart {
  const merged: Record<string, unknown> = { ...shortPauses }
  for (const [key, value] of Object.entries(settings)) {
    const below = merged[key]
    merged[key] = isGroup(below) && isGroup(value) ? { ...below, ...value } : value
  }
  return merged
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Events that a fake remembers: more than any test brings about. */
const wholeLog = 1_000_000
const models = ['alpha', 'beta', 'gamma'].map(name => ({ name, size_bytes: 1e9 }))

/**
 * A fake that would let jobs overlap: it takes several generations on one model at once, so that only foreman keeps
 * them apart.
 */
export async function startFake(t: Scope, config: Partial<FakeConfig> = {}): Promise<FakeOllama> {
  const fake = await startFakeOllama({ models, num_parallel: 8, event_log_limit: wholeLog, ...config })
  t.after(() => fake.kill())
  return fake
}

/** A fake and a foreman in this process that has found it and has its list. */
export async function startRig(
  t: Scope,
  config: Partial<FakeConfig> = {},
  settings: SettingsPart = {}
): Promise<LocalForeman & { fake: FakeOllama }> {
  const fake = await startFake(t, config)
  const foreman = await startForeman(t, { target: fake.url, settings: withShortPauses(settings) })
  await ready(foreman.app)
  return { ...foreman, fake }
}

/**
 * @throws {AssertionError} when ever a generation began while another one's connection was open. The target may take
 *   a moment to notice that a caller has left; foreman can do no more than leave first.
 */
export async function assertOneAtATime(fake: FakeOllama): Promise<void> {
  const open = new Set<number>()
  for (const { type, request } of (await fake.state()).events) {
    if (request === undefined) continue
    if (type === 'generation_start') {
      assert.deepEqual([...open], [], `these were at work when ${request} began`)
      open.add(request)
    } else if (ends.has(type)) open.delete(request)
  }
}

const ends: ReadonlySet<FakeEventType> = new Set(['generation_end', 'response_end', 'client_gone'])

/** How a caller that holds its connection fared. */
export interface CallEnd {
  /** Undefined where no answer came. */
  readonly status?: number
  readonly headers?: Headers
  readonly text?: string
  /** The connection broke, before or in the answer, or the caller left. */
  readonly broke: boolean
}

/** A chat call that holds its connection. It never rejects. */
export async function chat(
  url: string,
  body: Readonly<Record<string, unknown>> = {},
  init: { signal?: AbortSignal; headers?: Record<string, string> } = {}
): Promise<CallEnd> {
  const whole = { model: 'alpha', messages: [{ role: 'user', content: 'hello' }], ...body }
  let head: Response | undefined
  try {
    head = await fetch(`${url}/api/chat`, { method: 'POST', body: JSON.stringify(whole), ...init })
    return { status: head.status, headers: head.headers, text: await head.text(), broke: false }
  } catch {
    return { ...(head && { status: head.status, headers: head.headers }), broke: true }
  }
}

/** The stage of those who follow a job through a restart: foreman with tokens as a process that comes back on its port. */
import assert from 'node:assert/strict'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { type Scope, type SettingsPart, spawnForeman } from '../helpers/foreman.ts'

/** What {@link startFollowStage} gives. */
export interface FollowStage {
  /** The same for all its lives. */
  readonly url: string
  readonly fake: FakeOllama
  /** A token with every scope. */
  readonly token: string
  /** Asks one of foreman's own routes, as the bearer of the token; an object is sent as JSON. @throws {AssertionError} where it is refused */
  ask<T>(path: string, body?: object): Promise<T>
  /** Hands in a job that says so many words. @returns its id */
  submit(words: number): Promise<string>
  /** The job when it has ended. */
  ended(id: string): Promise<JobObject>
  /** Ends foreman by the signal and starts it again where it was, when `meanwhile` is over. From then on the target speaks fast. */
  restart(signal: NodeJS.Signals, meanwhile?: () => Promise<unknown>): Promise<void>
}

/** A word of more bytes than code units, and of more of these than characters. */
export const word = 'wörd🦙'
/** A model of today. After a restart it hurries. */
const wordDelayMs = 20
/** So many that the job does not end before a test has done what it wants to do in the middle: 20 s. */
export const manyWords = 1000
const token = 'a-token-for-those-who-follow'

/** Starts foreman and its target; they are gone when the test is over. */
export async function startFollowStage(
  t: Scope,
  settings: SettingsPart = {},
  plugins: SettingsPart = {}
): Promise<FollowStage> {
  const fake = await startFakeOllama({ models: [{ name: 'alpha', word }], token_delay_ms: wordDelayMs })
  t.after(() => fake.kill())
  const common = {
    // Time to end is not given to the running job: a restart is to hit it in the middle.
    limits: { shutdown_s: 0 },
    retry: { backoff_s: 0.1 },
    poll: { probe_max_s: 0.2 },
    plugins: { auth: { token }, ...plugins },
    ...settings
  }
  let foreman = await spawnForeman(t, { target: fake.url, settings: common })
  const { url, dataDir } = foreman
  const again = { ...common, port: Number(new URL(url).port) }
  const ask = <T>(path: string, body?: object) => asked<T>(new URL(path, url), body)
  return {
    ...{ url, fake, token, ask },
    async submit(words) {
      const options = { num_predict: words }
      const { id } = await ask<JobObject>('/jobs', { model: 'alpha', prompt: 'Speak.', options })
      return id
    },
    ended: id => asked(new URL(`/jobs/${id}`, url), undefined, { prefer: 'wait=20' }),
    restart: async (signal, meanwhile) => {
      await foreman.kill(signal)
      await meanwhile?.()
      await fake.configure({ token_delay_ms: 1 })
      foreman = await spawnForeman(t, { target: fake.url, settings: again, dataDir })
    }
  }
}

async function asked<T>(url: URL, body?: object, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) })
  })
  const text = await answer.text()
  assert.ok(answer.ok, `${answer.status} ${text}`)
  return JSON.parse(text) as T
}

/** The text that is stored of a job that is done. */
export function storedText({ state, result }: JobObject): string {
  assert.equal(state, 'done')
  return (result as { response: string }).response
}

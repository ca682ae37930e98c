/** A fake Ollama and a foreman that looks only when it is told to, and words to ask for its models. */
import { once } from 'node:events'
import type { ModelObject } from '../../../plugins/inventory/schemas.ts'
import type { FakeConfig, FakeOllama } from '../../fake-ollama/start.ts'
import type { LocalForeman, Scope, SettingsPart } from '../../helpers/foreman.ts'
import { startRig } from '../../strength/support/rig.ts'

/** What `GET /models` answers. */
export interface ModelList {
  readonly data: readonly ModelObject[]
  readonly stale: boolean
  readonly polled_at: string | null
  readonly target: { readonly status: string; readonly since: string | null; readonly version: string | null }
}

/** What {@link startStage} gives. */
export interface Stage extends LocalForeman {
  readonly fake: FakeOllama
}

/** No poll but those of the test: each is one more look at the target. */
export const rarely = { poll: { tags_s: 3600, ps_s: 5 } }

/** Starts both. */
export async function startStage(
  t: Scope,
  config: Partial<FakeConfig> = {},
  settings: SettingsPart = {}
): Promise<Stage> {
  return startRig(t, config, { ...rarely, ...settings })
}

/** Asks for JSON. */
export async function get<T>(url: string, path: string, token?: string) {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url + path, { headers })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T }
}

/** Uses a model of the fake past foreman. */
export async function past(fake: FakeOllama, body: object): Promise<void> {
  const whole = JSON.stringify({ prompt: 'x', stream: false, ...body })
  await (await fetch(`${fake.url}/api/generate`, { method: 'POST', body: whole })).text()
}

/** Polls the list, and the version with it, and looks at what is loaded. */
export async function poll({ app }: Stage): Promise<void> {
  await app.catalog.refresh()
  await app.loadedModels.look()
}

/** Resolves when foreman has found out that the target is gone. */
export async function killed({ app, fake }: Stage): Promise<void> {
  const down = once(app.reachability, 'down')
  await fake.kill()
  app.loadedModels.look().catch(err => app.reachability.markDown(err))
  await down
}

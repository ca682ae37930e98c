/** foreman with the plugin auth on, before a fake target, and tokens to ask it with. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type LocalForeman, type SettingsPart, startForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'

/** What a test asks with. */
export interface AuthStage extends LocalForeman {
  readonly fake: Awaited<ReturnType<typeof startFake>>
  readonly admin: string
  /** Asks with a token; without one where it is undefined. */
  ask(token: string | undefined, method: string, path: string, body?: unknown): Promise<Response>
  /** A new token, made over the routes. */
  issue(draft: object): Promise<{ id: string; token: string }>
}

/** Starts both. `options` are those of the plugin. */
export async function startStage(
  t: TestContext,
  options: SettingsPart = {},
  settings: SettingsPart = {}
): Promise<AuthStage> {
  const fake = await startFake(t)
  const foreman = await startForeman(t, {
    target: fake.url,
    settings: { ...settings, plugins: { auth: { failed_logins_per_minute: 1000, ...options } } }
  })
  const ask: AuthStage['ask'] = (token, method, path, body) => {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' })
    }
    return fetch(foreman.url + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body)
    })
  }
  const admin =
    options.token === undefined
      ? readFileSync(join(foreman.dataDir, 'admin-token'), 'utf8').trim()
      : String(options.token)
  const issue: AuthStage['issue'] = async draft => {
    const answer = await ask(admin, 'POST', '/tokens', { name: 'test', scopes: ['inference'], ...draft })
    assert.equal(answer.status, 201, await answer.clone().text())
    return (await answer.json()) as { id: string; token: string }
  }
  return { ...foreman, fake, admin, ask, issue }
}

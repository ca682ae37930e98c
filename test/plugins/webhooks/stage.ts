/** The stage of these tests: a fake Ollama, a foreman that may send to one receiver, and words to ask it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { FakeConfig, FakeOllama } from '../../fake-ollama/start.ts'
import { type LocalForeman, type SettingsPart, startForeman } from '../../helpers/foreman.ts'
import { ready } from '../../strength/support/jobs.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { type Answer, type AskOptions, chatBody, type ShownJob, speaker } from '../jobs/stage.ts'
import { type Receiver, startReceiver } from './receiver.ts'

export { type Answer, assertProblem, type Problem } from '../jobs/stage.ts'
export type { Received, Receiver } from './receiver.ts'

/** An endpoint as it is shown; with its secret where that is told. */
export interface ShownEndpoint {
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
  readonly state: string
  readonly secret?: string
  readonly [field: string]: unknown
}

/** A delivery as it is shown. */
export interface ShownDelivery {
  readonly id: string
  readonly state: string
  readonly attempts: readonly Readonly<Record<string, unknown>>[]
  readonly [field: string]: unknown
}

/** What a test can change. */
export interface StageOptions {
  readonly fake?: Partial<FakeConfig>
  /** Of the plugin. `allow` has the receiver beside what is given. False: it is off. */
  readonly webhooks?: (SettingsPart & { readonly allow?: readonly string[] }) | false
  /** Of the plugin auth: there are tokens then. Off unless they are given. */
  readonly auth?: SettingsPart
  readonly settings?: SettingsPart
}

/** How to ask: with the administrator's token unless another is given. */
export interface AskAs extends AskOptions {
  readonly token?: string
}

/** What {@link startStage} gives. */
export interface Stage extends LocalForeman {
  readonly fake: FakeOllama
  readonly receiver: Receiver
  ask<T>(method: string, path: string, options?: AskAs): Promise<Answer<T>>
  /** A new token of an owner of its own. */
  token(scopes: readonly string[]): Promise<string>
  /** A new endpoint, at the receiver unless another URL is given. @throws {AssertionError} unless it is made */
  endpoint(draft?: object, token?: string): Promise<ShownEndpoint & { readonly secret: string }>
  /** Hands in a job. @throws {AssertionError} unless it is accepted */
  submit(body?: object, token?: string): Promise<ShownJob>
  /** The job when it has ended. */
  ended(id: string): Promise<ShownJob>
  /** A delivery as it is now. */
  delivery(id: string, token?: string): Promise<ShownDelivery>
  /** The one that a request came from, when what came of the request is written down. */
  settled(received: { readonly headers: Readonly<Record<string, unknown>> }): Promise<ShownDelivery>
}

/** Starts all of it; it is gone when the test is over. */
export async function startStage(t: TestContext, options: StageOptions = {}): Promise<Stage> {
  const [fake, receiver] = await Promise.all([startFake(t, options.fake), startReceiver(t)])
  const { webhooks: given = {} } = options
  const webhooks = given && { ...given, allow: [receiver.allow, ...(given.allow ?? [])] }
  const auth = options.auth && { failed_logins_per_minute: 1000, ...options.auth }
  const plugins = { ...(options.settings?.plugins as object), webhooks, ...(auth && { auth }) }
  const settings = withShortPauses({ ...options.settings, plugins })
  const foreman = await startForeman(t, { target: fake.url, settings })
  await ready(foreman.app)
  const admin = auth && readFileSync(join(foreman.dataDir, 'admin-token'), 'utf8').trim()
  return { ...foreman, fake, receiver, ...words(foreman, receiver, admin) }
}

type Words = Pick<Stage, 'ask' | 'token' | 'endpoint' | 'submit' | 'ended' | 'delivery' | 'settled'>

function words({ url, app }: LocalForeman, receiver: Receiver, admin: string | undefined): Words {
  const plain = speaker(url)
  const ask: Stage['ask'] = (method, path, { token = admin, headers, ...rest } = {}) =>
    plain.ask(method, path, {
      ...rest,
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
    })
  const made = async <T>(path: string, body: object, token?: string): Promise<T> => {
    const answer = await ask<T>('POST', path, { body, ...(token !== undefined && { token }) })
    assert.ok(answer.status < 300, answer.text)
    return answer.body
  }
  const delivery: Stage['delivery'] = async (id, token) => {
    const { body } = await ask<ShownDelivery>('GET', `/webhook-deliveries/${id}`, {
      ...(token !== undefined && { token })
    })
    return body
  }
  return {
    ask,
    delivery,
    token: async scopes => (await made<{ token: string }>('/tokens', { name: 'test', scopes })).token,
    endpoint: (draft = {}, token) => made('/webhook-endpoints', { url: receiver.url, ...draft }, token),
    submit: (body = chatBody, token) => made('/jobs', body, token),
    ended: async id => (await ask<ShownJob>('GET', `/jobs/${id}`, { headers: { prefer: 'wait=20' } })).body,
    settled: ({ headers }) => settled(app, delivery, headers)
  }
}

/** An attempt is told of when it is written down. */
async function settled(
  app: LocalForeman['app'],
  delivery: Stage['delivery'],
  headers: Readonly<Record<string, unknown>>
): Promise<ShownDelivery> {
  const n = Number(headers['foreman-delivery-attempt'])
  for (;;) {
    const told = new Promise(resolve => app.telemetry.once('webhookAttempt', resolve))
    const shown = await delivery(String(headers['foreman-delivery-id']))
    if (shown.attempts.length >= n) return shown
    await told
  }
}

/** Foreman with a farm of receivers around it, and what its store says of deliveries. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from 'better-sqlite3'
import type { FakeConfig } from '../../fake-ollama/start.ts'
import type { LocalForeman, Scope, SettingsPart } from '../../helpers/foreman.ts'
import { type FarmConfig, type ReceiverFarm, startFarm } from '../../receiver-farm/start.ts'
import { startRig } from './rig.ts'

/** What can differ between the tests. */
export interface WebhookRigOptions {
  readonly farm?: Partial<FarmConfig>
  readonly fake?: Partial<FakeConfig>
  /** Of the plugin, beside `allow`. */
  readonly webhooks?: SettingsPart
}

const patienceMs = 60_000
const lookEveryMs = 50

/** All of it; foreman in this process. */
export async function startWebhookRig(
  t: Scope,
  { farm: config, fake, webhooks }: WebhookRigOptions = {}
): Promise<LocalForeman & { farm: ReceiverFarm }> {
  const farm = await startFarm(t, config)
  const plugins = { webhooks: { allow: farm.allow, ...webhooks } }
  const quiet = { request_log_limit: 10, event_log_limit: 10 }
  const rig = await startRig(t, { ...quiet, ...fake }, { log_level: 'fatal', plugins })
  return { ...rig, farm }
}

/** Hands jobs in, all in one body. @returns their ids; @throws {AssertionError} where one is not taken */
export async function handIn(url: string, jobs: readonly object[]): Promise<string[]> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const body = jobs.map(job => JSON.stringify(job)).join('\n')
  const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body })
  const lines = (await answer.text()).trim().split('\n')
  const ids = lines.map(line => {
    const { id } = JSON.parse(line) as { id?: string }
    assert.ok(id !== undefined, line)
    return id
  })
  assert.equal(ids.length, jobs.length, lines.at(-1))
  return ids
}

/** A job with a webhook. */
export function jobTelling(url: string, event: string, model = 'alpha'): object {
  return { request: { model, prompt: 'hello' }, webhook: { url, events: [event] } }
}

/** Makes a standing endpoint. @returns its id and its secret; @throws {AssertionError} where it is refused */
export async function makeEndpoint(
  url: string,
  endpoint: object,
  headers: Readonly<Record<string, string>> = {}
): Promise<{ id: string; secret: string }> {
  const all = { 'content-type': 'application/json', ...headers }
  const answer = await fetch(`${url}/webhook-endpoints`, {
    method: 'POST',
    headers: all,
    body: JSON.stringify(endpoint)
  })
  const text = await answer.text()
  assert.equal(answer.status, 201, text)
  return JSON.parse(text) as { id: string; secret: string }
}

/** How many deliveries are neither taken nor given up. */
export function openDeliveries(db: Database): number {
  return db.prepare('SELECT open FROM webhook_total').pluck().get() as number
}

/** Waits until every job has ended and all but `left` deliveries are over. @throws {AssertionError} after a minute */
export async function settled(db: Database, left = 0): Promise<void> {
  const running = db.prepare('SELECT count(*) FROM job WHERE finished_at IS NULL').pluck()
  // An event is told a moment after it is stored.
  const untold = db.prepare('SELECT count(*) FROM event WHERE n > (SELECT n FROM webhook_place)').pluck()
  const deadline = performance.now() + patienceMs
  const isOver = () => running.get() === 0 && untold.get() === 0 && openDeliveries(db) <= left
  while (!isOver()) {
    assert.ok(performance.now() < deadline, `${openDeliveries(db)} deliveries are open, ${left} may be`)
    await sleep(lookEveryMs)
  }
}

/** Jobs that want to be told of, and callers who hand them in until they are acknowledged. */
import assert from 'node:assert/strict'
import type { ReceiverFarm, ReceiverName } from '../../receiver-farm/start.ts'
import type { Random } from '../random.ts'
import type { Stage } from './stage.ts'

/** What can be told last of a job. */
export const ends = ['job.done', 'job.failed', 'job.canceled', 'job.expired']

/** One job with a webhook. */
export interface Order {
  /** Its idempotency key, and the last part of its webhook's path. */
  readonly key: string
  readonly receiver: ReceiverName
  /** Whether only its end is told. */
  readonly endOnly: boolean
  readonly body: object
  /** Canceled as soon as it was accepted. */
  readonly canceled: boolean
}

const models = ['alpha', 'beta', 'gamma'] as const
/** Most are over at once; in the midst of the others foreman can be killed. */
const lengths = [1, 1, 1, 20]
const receivers: readonly { weight: number; receiver: ReceiverName }[] = [
  { weight: 5, receiver: 'healthy' },
  { weight: 4, receiver: 'flaky' },
  { weight: 1, receiver: 'slow' }
]

/** The path of its webhook. */
export function pathOf({ key }: Pick<Order, 'key'>): string {
  return `/job/${key}`
}

/** By chance: which receiver, which events, by which field, and how long the job is. */
export function orderBy(random: Random, farm: ReceiverFarm, key: string): Order {
  const { receiver } = random.weighted(receivers)
  const endOnly = random.next() < 0.2
  const url = farm.url(receiver, pathOf({ key }))
  const short = !endOnly && random.next() < 0.3
  const webhook = short ? { state_webhook_url: url } : { webhook: { url, ...(endOnly && { events: ends }) } }
  const request = {
    model: random.pick(models),
    prompt: 'hello',
    options: { num_predict: random.pick(lengths) }
  }
  // With one attempt a kill fails it.
  const body = { request, max_attempts: random.pick([1, 5, 30]), ...webhook }
  return { key, receiver, endOnly, body, canceled: random.next() < 0.1 }
}

/** Hands it in, again wherever the connection broke. @returns the id of the job */
export async function handIn(stage: Stage, { key, body, canceled }: Order): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key }
  const text = await untilAnswered(stage, '/jobs', { method: 'POST', headers, body: JSON.stringify(body) })
  const { id } = JSON.parse(text) as { id: string }
  if (canceled) await untilAnswered(stage, `/jobs/${id}/cancel`, { method: 'POST' })
  return id
}

/** The job once it has ended, however many waits that takes. */
export async function endOf(stage: Stage, id: string): Promise<{ state: string }> {
  for (;;) {
    const text = await untilAnswered(stage, `/jobs/${id}`, { headers: { prefer: 'wait=30' } })
    const job = JSON.parse(text) as { state: string }
    if (ends.includes(`job.${job.state}`)) return job
  }
}

/** Asks until there is an answer. @throws {AssertionError} for one that is no success */
async function untilAnswered(stage: Stage, path: string, init: RequestInit): Promise<string> {
  for (;;) {
    const url = await stage.url()
    const answer = await fetch(url + path, init).then(
      async answer => ({ ok: answer.ok, text: await answer.text() }),
      () => undefined
    )
    if (answer === undefined) continue
    assert.ok(answer.ok, answer.text)
    return answer.text
  }
}

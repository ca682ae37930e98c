/** What is stored of a job, and whether one who followed it has just that. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventObject } from '../../../plugins/jobs/event-object.ts'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'
import type { Message, Pieced } from './pieced.ts'

/** An ended job. */
export interface Truth {
  readonly job: JobObject
  readonly events: readonly EventObject[]
  readonly message: Message
}

const patienceMs = 5000
const lookMs = 50

interface Page {
  readonly data: readonly EventObject[]
  readonly next_cursor: string | null
}

/** Waits until the job has ended. @throws {AssertionError} unless it is done */
export async function truthOf(base: string, jobId: string): Promise<Truth> {
  const job = await read<JobObject>(`${base}/jobs/${jobId}`, { prefer: 'wait=60' })
  assert.equal(job.state, 'done', JSON.stringify(job.error))
  const { content, thinking = '', tool_calls = [] } = (job.result as { message: Partial<Message> }).message
  return { job, events: await eventsOf(base, jobId), message: { content: content!, thinking, tool_calls } }
}

/** All stored events of a job, by the JSON pages. */
export async function eventsOf(base: string, jobId: string): Promise<EventObject[]> {
  const events: EventObject[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: Page = await read(`${base}/jobs/${jobId}/events?limit=1000${query}`)
    events.push(...page.data)
    cursor = page.next_cursor
  }
  return events
}

async function read<T>(url: string, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(url, { headers })
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  return JSON.parse(text) as T
}

/**
 * Waits until foreman has noticed that all who followed have left.
 * @throws {AssertionError} where it still counts one of them after 5 s
 */
export async function assertAllLeft(base: string): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  for (;;) {
    const metrics = await (await fetch(`${base}/metrics`)).text()
    const counts = [...metrics.matchAll(/^foreman_stream_connections.* (\d+)$/gm)].map(([, count]) =>
      Number(count)
    )
    assert.ok(counts.length > 0)
    if (counts.every(count => count === 0)) return
    assert.ok(performance.now() < giveUpAt, `still there: ${counts}`)
    await sleep(lookMs)
  }
}

/** @throws {AssertionError} unless every event was followed, once and in order, and the text is the stored one */
export function assertFollowed(pieced: Pieced, truth: Truth): void {
  assert.deepEqual(pieced.message(), truth.message)
  assert.deepEqual(pieced.events, truth.events)
}

/**
 * The same for one who began before the job was folded up: it may have had pieces that are not there any more.
 * @throws {AssertionError}
 */
export function assertFollowedOverFold(pieced: Pieced, truth: Truth): void {
  assert.deepEqual(pieced.message(), truth.message)
  const had = new Set(pieced.events.map(({ seq }) => seq))
  const from = pieced.events[0]!.seq
  const missed = truth.events.filter(({ seq }) => seq >= from && !had.has(seq))
  assert.deepEqual(missed, [])
}

/** Everybody who can watch jobs, each by the outside: who holds the job, who follows it, who follows all, who asks later. */
import assert from 'node:assert/strict'
import { hasEnded } from '../../../core/jobs/states.ts'
import type { EventObject } from '../../../plugins/jobs/event-object.ts'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'
import { connect } from '../../helpers/event-stream.ts'

const isEnd = /^job\.(done|failed|canceled|expired)$/

/** What a long-poll showed. */
export type Sight = Pick<JobObject, 'state' | 'version' | 'seq'>

/** Asks for each change of the job until it has ended. */
export async function longPoll(url: string, jobId: string): Promise<Sight[]> {
  const sights: Sight[] = []
  for (let known = '"0"'; ; ) {
    const headers = { prefer: 'wait=20', 'if-none-match': known }
    const answer = await fetch(`${url}/jobs/${jobId}`, { headers })
    assert.equal(answer.status, 200)
    const { state, version, seq } = (await answer.json()) as JobObject
    sights.push({ state, version, seq })
    if (hasEnded(state)) return sights
    known = answer.headers.get('etag')!
  }
}

/**
 * Follows all jobs from the first event on, until `count` of them have ended.
 * @returns the events of each, as they came
 */
export async function followAll(url: string, count: number): Promise<Map<string, EventObject[]>> {
  const told = new Map<string, EventObject[]>()
  const places: number[] = []
  const stream = await connect(`${url}/events`)
  assert.equal(stream.status, 200)
  for (let ended = 0; ended < count; ) {
    const block = await stream.next()
    assert.ok(block !== undefined, 'the stream ended')
    // What has no id is told in passing and not stored.
    if (block.id === undefined) continue
    const event = JSON.parse(block.data!) as EventObject
    places.push(Number(block.id.split(':')[1]))
    told.set(event.job_id, [...(told.get(event.job_id) ?? []), event])
    if (isEnd.test(event.type)) ended += 1
  }
  stream.close()
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b)
  )
  assert.equal(new Set(places).size, places.length)
  return told
}

/** @throws {AssertionError} unless a long-poll showed nothing but what the events tell, and their end */
export function assertSeen(sights: readonly Sight[], events: readonly EventObject[]): void {
  for (const [index, { state, version, seq }] of sights.entries()) {
    assert.ok(version > (sights[index - 1]?.version ?? 0))
    const last = events.findLast(event => event.seq <= seq && 'state' in event.data)
    assert.equal(state, last?.data.state, `at ${seq} of ${events[0]!.job_id}`)
  }
  assert.equal(sights.at(-1)!.seq, events.at(-1)!.seq)
}

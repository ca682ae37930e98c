/** All who watch a job see the same: the same events, in the same order, however it fares. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'
import { followToEnd } from '../chaos/cuts/reader.ts'
import { SocketReader } from '../chaos/cuts/socket-reader.ts'
import { SseReader } from '../chaos/cuts/sse-reader.ts'
import { eventsOf } from '../chaos/cuts/truth.ts'
import { Random } from '../chaos/random.ts'
import type { FaultSpec } from '../fake-ollama/start.ts'
import { assertSeen, followAll, longPoll } from './support/observers.ts'
import { startRig } from './support/rig.ts'

const jobCount = 30
const longestPauseMs = 150
const longestStreamBytes = 12_000
const slow = { token_delay_ms: 15, token_count: 12, load_delay_ms: 20 }
const faults: FaultSpec[] = [
  { kind: 'reset', after: 5, times: 6, model: 'beta' },
  { kind: 'error_line', after: 3, times: 3, model: 'alpha' },
  { kind: 'status', status: 500, times: 3, model: 'gamma' },
  { kind: 'clean_end', after: 4, times: 3, model: 'gamma' }
]

test('long-poll, SSE, WebSocket, /events and the page of a job tell one story', async t => {
  const { url } = await startRig(t, { ...slow, faults })
  const random = new Random(20_261_123)
  const all = followAll(url, jobCount)
  const jobs: Promise<string>[] = []
  const retried: string[] = []
  for (let job = 0; job < jobCount; job++) {
    const id = job > 0 && retried.length > 0 ? await retry(url, retried.pop()!) : await submit(url, random)
    jobs.push(watched(url, id, random))
    if (random.next() < 0.4) await cancelSoon(url, id, random)
    if (random.next() < 0.2) retried.push(...(await canBeRetried(url, id)))
    await sleep(random.between(0, longestPauseMs))
  }
  const ends = await Promise.all(jobs)
  const told = await all
  assert.equal(told.size, jobCount)
  for (const end of ['job.done', 'job.failed', 'job.canceled'])
    assert.ok(ends.includes(end), `${end} of ${ends}`)
  for (const [id, events] of told) assert.deepEqual(events, await eventsOf(url, id))
})

/** Watches by every way, some from the first moment on, some later, some cut. @returns how it ended */
async function watched(url: string, id: string, random: Random): Promise<string> {
  const cut = () => (random.next() < 0.5 ? [random.between(0, longestStreamBytes)] : [])
  const readers = [
    new SseReader(`${url}/jobs/${id}/events`),
    new SseReader(`${url}/events?job_ids=${id}`),
    new SocketReader(url, id, 'job'),
    new SocketReader(url, id, 'all'),
    new SocketReader(url, id, 'bound')
  ].map(reader => ({ reader, cuts: cut(), afterMs: random.between(0, longestPauseMs) }))
  const following = readers.map(async ({ reader, cuts, afterMs }) => {
    await sleep(afterMs)
    await followToEnd(reader, cuts)
    return reader.pieced
  })
  const [sights, ...told] = await Promise.all([longPoll(url, id), ...following])
  const events = await eventsOf(url, id)
  for (const pieced of told) assert.deepEqual(pieced.events, events)
  assertSeen(sights, events)
  return events.at(-1)!.type
}

async function submit(url: string, random: Random): Promise<string> {
  const request = {
    model: random.pick(['alpha', 'beta', 'gamma']),
    messages: [{ role: 'user', content: 'hi' }]
  }
  return post(`${url}/jobs`, { request, max_attempts: random.between(1, 3) })
}

function retry(url: string, id: string): Promise<string> {
  return post(`${url}/jobs/${id}/retry`)
}

async function cancelSoon(url: string, id: string, random: Random): Promise<void> {
  await sleep(random.between(0, longestPauseMs))
  await post(`${url}/jobs/${id}/cancel`)
}

async function canBeRetried(url: string, id: string): Promise<string[]> {
  const answer = await fetch(`${url}/jobs/${id}`, { headers: { prefer: 'wait=20' } })
  const { state } = (await answer.json()) as JobObject
  return state === 'done' ? [] : [id]
}

/** @returns the id in the answer */
async function post(url: string, body?: object): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, {
    method: 'POST',
    ...(body !== undefined && { headers, body: JSON.stringify(body) })
  })
  assert.ok(answer.ok, `${answer.status}`)
  return ((await answer.json()) as JobObject).id
}

/** Cuts in the stream that answers the handing in of a job: whoever knows nothing yet hands it in again. */
import assert from 'node:assert/strict'
import type { Random } from '../random.ts'
import type { Tally } from './figures.ts'
import { cutsOf } from './offsets.ts'
import { atOnce, followToEnd } from './reader.ts'
import { SseReader } from './sse-reader.ts'
import { chatBody, type Stage } from './stage.ts'
import { assertFollowed, truthOf } from './truth.ts'

/** The worker takes one job after another. */
const width = 4

/** Cuts `most` of its byte offsets. @throws {Error} with the cuts that cost something, or made a second job */
export async function playPosted(stage: Stage, most: number, random: Random, tally: Tally): Promise<void> {
  const whole = posted(stage, 'whole')
  const total = await followToEnd(whole)
  await assertOneJob(stage, whole, 'whole')
  await atOnce([...cutsOf(total, most, random).entries()], width, ([index, cuts]) =>
    tally.cut('handed in by SSE', cuts, async () => {
      const reader = posted(stage, `cut-${index}`)
      await followToEnd(reader, cuts)
      await assertOneJob(stage, reader, `cut-${index}`)
    })
  )
}

function posted({ url }: Stage, idempotencyKey: string): SseReader {
  const body = { request: { model: 'quick', ...chatBody }, metadata: { key: idempotencyKey } }
  return new SseReader(`${url}/jobs`, { posted: { idempotencyKey, body: JSON.stringify(body) } })
}

async function assertOneJob({ url }: Stage, { pieced }: SseReader, key: string): Promise<void> {
  assertFollowed(pieced, await truthOf(url, pieced.events[0]!.job_id))
  const answer = await fetch(`${url}/jobs?metadata.key=${key}`)
  const { data } = (await answer.json()) as { data: unknown[] }
  assert.equal(data.length, 1)
}

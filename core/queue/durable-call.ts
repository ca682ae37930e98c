/**
 * The call of a job that nobody holds a connection for. It always streams, so that a cancel reaches the target
 * and silence shows, and the pieces are assembled into the shape of a call that does not.
 */
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import { readInference } from '../target/inference.ts'
import { withStreaming } from '../target/stream-member.ts'
import type { AttachedCall } from './answer.ts'
import { Recording } from './recording.ts'

/** @throws when the store has no request for the job: a fault of foreman's own. */
export function durableCall(job: Job, store: JobStore): AttachedCall {
  const stored = store.request(job)
  if (stored === undefined) throw new Error(`job ${job.id} has no request`)
  const { path } = stored
  const inference = readInference(path, stored.body)
  if (inference.malformed) throw new Error(`job ${job.id} has a request that cannot be read`)
  const streams = inference.route.streamsByDefault
  const request = {
    method: 'POST',
    path,
    headers: ['content-type', 'application/json'],
    body: streams ? withStreaming(stored.body) : stored.body
  }
  return { request, inference: { ...inference, streams }, sink: new Recording(true) }
}

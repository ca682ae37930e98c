/** What a job asks of the target, be it a call whose caller holds the connection or one of the store. */
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import { type Inference, readInference } from '../target/inference.ts'
import type { AttachedCalls } from './answer.ts'

/** Reads it as it was handed in; undefined where there is nothing that can be read. */
export function askedOf(
  job: Job,
  store: Pick<JobStore, 'request'>,
  attached: Pick<AttachedCalls, 'get'>
): Inference | undefined {
  const call = attached.get(job.id)
  if (call !== undefined) return call.inference
  const request = store.request(job)
  const inference = request && readInference(request.path, request.body)
  return inference?.malformed ? undefined : inference
}

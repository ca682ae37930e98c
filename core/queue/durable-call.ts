/**
 * The call of a job that nobody holds a connection for. It always streams, so that a cancel reaches the target
 * and silence shows, and the pieces are assembled into the shape of a call that does not.
 */
import { InputGoneError } from '../errors.ts'
import { type Filling, fillReferences, findReferences } from '../jobs/artifact-references.ts'
import type { Blobs } from '../jobs/blobs.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import { readInference } from '../target/inference.ts'
import { withStreaming } from '../target/stream-member.ts'
import type { AttachedCall } from './answer.ts'
import { EmbedBatches } from './embed-batches.ts'
import { Recording } from './recording.ts'

const jsonType = ['content-type', 'application/json']

/**
 * Makes the call of a stored job. What its request refers to is filled in here, at the last moment.
 * @throws {InputGoneError} where an upload that it refers to has been removed
 * @throws when the store has no request for the job: a fault of foreman's own
 */
export async function durableCall(job: Job, store: JobStore, blobs: Blobs): Promise<AttachedCall> {
  const stored = store.request(job)
  if (stored === undefined) throw new Error(`job ${job.id} has no request`)
  const { path, traceparent } = stored
  const inference = readInference(path, stored.body)
  if (inference.malformed) throw new Error(`job ${job.id} has a request that cannot be read`)
  const streams = inference.route.streamsByDefault
  const body = streams ? withStreaming(stored.body) : stored.body
  const request = {
    method: 'POST',
    path,
    // As the target has it of a call that holds its connection.
    headers: [...jsonType, ...(traceparent === null ? [] : ['traceparent', traceparent])],
    body: await withInputs(path, body, job, store, blobs)
  }
  const batches = path === '/api/embed' ? EmbedBatches.of(request) : undefined
  const sink = batches?.sink ?? new Recording(true)
  return { request, inference: { ...inference, streams }, sink, ...(batches && { batches }) }
}

async function withInputs(
  path: string,
  body: Buffer,
  job: Job,
  store: JobStore,
  blobs: Blobs
): Promise<Buffer> {
  const references = findReferences(path, body)
  if (references.length === 0) return body
  const inputs = new Map(store.artifacts.usedBy(job.seq).map(input => [input.id, input]))
  const fillings = references.map((reference): Filling => {
    const id = reference.id ?? ''
    const input = inputs.get(id)
    if (input === undefined) throw new InputGoneError(id)
    return { reference, sizeBytes: input.sizeBytes, open: () => blobs.open(input.digest) }
  })
  return fillReferences(body, fillings)
}

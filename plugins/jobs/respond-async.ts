/** `Prefer: respond-async` on routes of other plugins: what they have read becomes a job without a connection. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorKind } from '../../core/api-description.ts'
import type { NewJob, StoredRequest } from '../../core/jobs/job.ts'
import { scanDocument } from '../../core/target/json-scan.ts'
import * as api from './api.ts'
import { handIn } from './hand-in.ts'
import { readClaim } from './idempotency.ts'
import { inputsOf } from './inputs.ts'
import type { JobObject } from './job-schema.ts'
import type { Parts } from './parts.ts'
import { readPrefer } from './prefer.ts'
import { termsOf } from './terms.ts'

/** A native request that was read, and admitted to the queue, by its own route. */
export interface BackgroundWork extends Pick<NewJob, 'kind' | 'model' | 'runner' | 'priority'> {
  /** Path of the native route, and the body that goes to the target. */
  readonly request: StoredRequest
  /** The body as it came. */
  readonly sent: Buffer
}

/** Offered as `app.respondAsync`. */
export interface RespondAsync {
  /** Whether the caller would rather have an answer at once (RFC 7240 section 4.1). */
  isPreferred(request: FastifyRequest): boolean
  /** What {@link handIn} refuses. */
  readonly refusals: readonly ErrorKind[]
  /**
   * Takes the job in and gives the body of the answer; status and headers are set. `Idempotency-Key` and
   * `Prefer: wait` count as on `POST /jobs`.
   * @throws one of {@link refusals}
   */
  handIn(request: FastifyRequest, reply: FastifyReply, work: BackgroundWork): Promise<JobObject>
}

/** Makes the decorator. */
export function respondAsync(app: FastifyInstance, parts: Parts): RespondAsync {
  return {
    refusals: api.inBackground,
    isPreferred: ({ headers }) => headers.prefer !== undefined && readPrefer(headers.prefer).respondAsync,
    handIn: async (request, reply, { sent, priority, ...work }) => {
      const key = request.headers['idempotency-key']
      // Each route has keys of its own: a body means something else on another.
      const claim =
        key === undefined ? undefined : readClaim(key, `POST ${work.request.path}`, firstValue(sent))
      return handIn(app, parts, { request, reply }, claim, async () => {
        const terms = termsOf(request.caller, { priority }, app.settings, Date.now())
        const inputs = inputsOf(app, request.caller, work.request, '')
        return { ...terms, ...work, inputs, attached: false }
      })
    }
  }
}

/** What the target reads of a body: it ignores what follows. */
function firstValue(json: Buffer): Buffer {
  const { start, end } = scanDocument(json)
  return json.subarray(start, end)
}

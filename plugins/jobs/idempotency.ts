/** `Idempotency-Key`: a request that comes twice makes one job. Source: IETF draft "The Idempotency-Key HTTP Header Field". */
import type { FastifyInstance } from 'fastify'
import type { Caller } from '../../core/access/caller.ts'
import type { IdempotencyClaim, Job } from '../../core/jobs/job.ts'
import { IdempotencyKeyReusedError, InvalidIdempotencyKeyError } from './errors.ts'
import { fingerprintOf } from './fingerprint.ts'
import { findJob } from './lookup.ts'

/** Where the keys of new jobs are used, in the header and in lines. */
export const claimRoute = 'POST /jobs'

const quoted = /^"((?:[^"\\]|\\["\\])*)"$/
const printable = /^[\x20-\x7e]{1,255}$/

/**
 * The claim of a request with that header, where it has one: a string of RFC 8941, or bare as most clients send it.
 * @throws {InvalidIdempotencyKeyError}
 */
export function readClaim(
  header: string | string[] | undefined,
  route: string,
  body: Buffer
): IdempotencyClaim | undefined {
  if (header === undefined) return undefined
  const text = String(header)
  const inner = quoted.exec(text)?.[1]?.replace(/\\(.)/g, '$1')
  const key = inner ?? text
  if (!printable.test(key) || (inner === undefined && key.startsWith('"')))
    throw new InvalidIdempotencyKeyError()
  return claimOf(key, route, body)
}

/** The claim of a key that is well-formed. */
export function claimOf(key: string, route: string, body: Buffer): IdempotencyClaim {
  return { route, key, fingerprint: fingerprintOf(body) }
}

/**
 * The job that the same request made before.
 * @throws {IdempotencyKeyReusedError} where the key came with another body
 * @throws {JobDataRemovedError} where that job is gone
 */
export function earlierJob(
  app: FastifyInstance,
  caller: Caller,
  claim: IdempotencyClaim | undefined
): Job | undefined {
  const taken = claim && app.jobs.keys.find(caller.owner, claim.route, claim.key)
  if (taken === undefined) return undefined
  const isSame = taken.fingerprint.equals(claim!.fingerprint)
  app.telemetry.emit('keyAgain', isSame ? 'replayed' : 'mismatch')
  if (!isSame) throw new IdempotencyKeyReusedError()
  return findJob(app, taken.jobId, caller)
}

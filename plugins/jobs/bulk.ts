/**
 * `POST /jobs` as lines: one job a line, one answer a line, in order. Lines that are there together share a commit;
 * an answer is written when its job is on the disk.
 */
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BadRequestError, BodyTooLargeError, type ForemanError, toForemanError } from '../../core/errors.ts'
import { KeyTakenError } from '../../core/jobs/idempotency.ts'
import type { IdempotencyClaim, Job } from '../../core/jobs/job.ts'
import type { Acceptance } from '../../core/jobs/store.ts'
import type { Submission } from '../../core/queue/job-queue.ts'
import { type Trace, traceOf } from '../../core/trace-context.ts'
import { admit } from './admit.ts'
import { readCreateBody } from './body.ts'
import { claimOf, claimRoute, earlierJob } from './idempotency.ts'
import type { LineStreams } from './line-streams.ts'
import { batchesOf, type Line, LineSplitter } from './lines.ts'
import { OneLook } from './one-look.ts'
import { lineSchema } from './schemas.ts'
import { termsOf } from './terms.ts'
import { bodyCheck } from './validate.ts'

/** Answers that wait for a client which sends all of its lines before it reads any: some 300 000. */
const aheadBytes = 16 * 1024 * 1024

/** What a line asks for: a new job, one that was made before, or something that cannot be. */
type Read = { readonly draft: Submission } | { readonly replayed: Job } | { readonly error: unknown }

const check = bodyCheck(lineSchema)

/** Answers the lines of a body. @throws {BadRequestError} for a key that would have to count for all of them */
export function takeLines(
  app: FastifyInstance,
  streams: LineStreams,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply {
  if (request.headers['idempotency-key'] !== undefined) {
    throw new BadRequestError('a line has its key in idempotency_key, in place of the header Idempotency-Key')
  }
  return streams.send(reply, new Bulk(app, request).answers(), aheadBytes)
}

/** One request. */
class Bulk {
  readonly #app: FastifyInstance
  readonly #request: FastifyRequest
  readonly #catalog: OneLook
  /** That of every line. */
  readonly #trace: Trace

  constructor(app: FastifyInstance, request: FastifyRequest) {
    this.#app = app
    this.#request = request
    this.#catalog = new OneLook(app.catalog)
    this.#trace = traceOf(request.raw)
  }

  async *answers(): AsyncGenerator<Buffer> {
    const splitter = new LineSplitter(this.#app.settings.limits.body_bytes)
    this.#app.slowClients.letPause(this.#request.raw, () => splitter.isBetweenLines)
    for await (const lines of batchesOf(this.#request.body as Readable, splitter)) {
      yield Buffer.from(await this.#take(lines))
    }
  }

  async #take(lines: readonly Line[]): Promise<string> {
    const all = await Promise.all(lines.map(line => this.#read(line)))
    const drafts = all.filter(read => 'draft' in read).map(({ draft }) => draft)
    const outcomes = this.#app.queue.submitEach(drafts).values()
    return all
      .map(read => ('draft' in read ? this.#outcome(read.draft, outcomes.next().value!) : this.#told(read)))
      .join('')
  }

  async #read(line: Line): Promise<Read> {
    try {
      return await this.#draft(line)
    } catch (error) {
      return { error }
    }
  }

  async #draft(line: Line): Promise<Read> {
    const { settings } = this.#app
    const { caller } = this.#request
    if (line === undefined) throw new BodyTooLargeError(settings.limits.body_bytes)
    const body = check(readCreateBody(line, settings.limits.json_depth))
    const { idempotency_key: key, request } = body
    const claim = key === undefined ? undefined : claimOf(key, claimRoute, request.whole)
    const replayed = earlierJob(this.#app, caller, claim)
    if (replayed !== undefined) return { replayed }
    const terms = termsOf(caller, body, settings, Date.now())
    const webhook = this.#app.jobWebhooks.of(caller, body)
    const work = await admit(this.#app, caller, body, this.#catalog)
    const itsOwn = { ...terms, ...work, webhook, idempotency: claim }
    return { draft: { ...itsOwn, ...this.#trace, caller, owner: caller.owner } }
  }

  #outcome({ idempotency }: Submission, outcome: Acceptance): string {
    if ('job' in outcome) return `{"id":"${outcome.job.id}"}\n`
    return this.#told(outcome.error instanceof KeyTakenError ? this.#before(idempotency!) : outcome)
  }

  /** Another line, or another request, was first. */
  #before(claim: IdempotencyClaim): Exclude<Read, { draft: Submission }> {
    try {
      return { replayed: earlierJob(this.#app, this.#request.caller, claim)! }
    } catch (error) {
      return { error }
    }
  }

  #told(read: Exclude<Read, { draft: Submission }>): string {
    if ('replayed' in read) return `{"id":"${read.replayed.id}","replayed":true}\n`
    const error = toForemanError(read.error, this.#request)
    if (error.wireCode === 'internal')
      this.#request.log.error({ err: read.error }, 'a line could not be taken')
    return `${JSON.stringify({ error: shown(error) })}\n`
  }
}

function shown({ wireCode, message, faults }: ForemanError): object {
  const [first] = faults ?? []
  return { code: wireCode, detail: first?.detail ?? message, pointer: first?.pointer }
}

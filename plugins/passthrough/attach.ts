/** Makes an attached job of a request and lets its answer pass to the client. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { priorityFor } from '../../core/access/limits.ts'
import { BadRequestError, type ForemanError } from '../../core/errors.ts'
import type { Output } from '../../core/jobs/artifacts.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { AnswerTaker } from '../../core/jobs/output.ts'
import { isPriority, type Priority, priorities } from '../../core/jobs/priority.ts'
import type { AnswerSink } from '../../core/queue/answer.ts'
import type { Forecast } from '../../core/queue/job-queue.ts'
import { Recording } from '../../core/queue/recording.ts'
import type { Flow } from '../../core/target/client.ts'
import { type HeaderField, headerValue } from '../../core/target/headers.ts'
import type { Inference } from '../../core/target/inference.ts'
import { replaceKeepAlive } from '../../core/target/request-body.ts'
import type { Admission } from './admit.ts'
import type { KeptStreams } from './kept-streams.ts'
import { ReplySink } from './reply-sink.ts'

const secondMs = 1000

/** What a client asks of foreman by headers. */
interface Wishes {
  readonly priority: Priority
  /** Whether the job goes on when the client has left. */
  readonly goesOn: boolean
}

/**
 * Queues the request. From here on the reply belongs to the job.
 * @throws {BadRequestError} for a header of foreman's with a value it does not know; {PriorityNotAllowedError}
 */
export function attach(
  app: FastifyInstance,
  request: FastifyRequest<{ Body: Buffer }>,
  reply: FastifyReply,
  inference: Inference,
  admission: Extract<Admission, { to: 'queue' }>,
  kept: KeptStreams
): void {
  const wishes = readWishes(request)
  const { limits, retention } = app.settings
  const reading = new ReplySink(reply)
  const sink = wishes.goesOn ? new KeptReply(reading, inference) : reading
  const call = { request: targetRequest(app, request, inference, admission.runner), inference, sink }
  const job = {
    caller: request.caller,
    owner: request.caller.owner,
    kind: inference.route.kind,
    model: admission.model,
    runner: admission.runner,
    priority: wishes.priority,
    attached: true,
    maxAttempts: 1,
    startBy: Date.now() + limits.attached_start_timeout_s * secondMs,
    runTimeoutMs: limits.run_timeout_s * secondMs,
    retentionMs: retention.job_s * secondMs
  }
  try {
    const accepted = app.queue.attach(job, call, admission.sizeBytes)
    reading.add(queueHeaders(accepted.job, accepted.forecast))
    if (!wishes.goesOn) cancelWithClient(app, reply, accepted.job)
    else kept.keep(accepted.job)
  } catch (err) {
    // The reply is hijacked: nobody else can answer any more.
    reading.fail(err as ForemanError)
  }
}

function targetRequest(
  app: FastifyInstance,
  request: FastifyRequest<{ Body: Buffer }>,
  inference: Inference,
  runner: string
) {
  return {
    method: request.method,
    path: request.url,
    headers: request.raw.rawHeaders,
    body: bodyForTarget(app, request.body, inference, runner)
  }
}

/** The body as it goes to the target: with foreman's `keep_alive`, unless a client's own counts. */
export function bodyForTarget(
  { settings: { keep_alive }, queue }: Pick<FastifyInstance, 'settings' | 'queue'>,
  sent: Buffer,
  { native }: Inference,
  runner: string
): Buffer {
  if (native === undefined || keep_alive.respect_clients) return sent
  return replaceKeepAlive(sent, native, queue.embeds.keepAliveOf(runner) ?? keep_alive.idle_unload)
}

function cancelWithClient(app: FastifyInstance, reply: FastifyReply, job: Job): void {
  const cancel = () => {
    if (reply.raw.writableFinished) return
    try {
      app.queue.cancel(job.id)
    } catch (err) {
      app.log.error({ err, jobId: job.id }, 'a job whose client has left could not be canceled')
    }
  }
  // It may have left while the model was being looked for.
  if (reply.raw.closed) cancel()
  else reply.raw.once('close', cancel)
}

function queueHeaders(job: Job, forecast: Forecast): Record<string, string> {
  return {
    'Foreman-Job-Id': job.id,
    'Foreman-Queue-Position': String(forecast.position),
    'Foreman-Estimated-Start': new Date(forecast.estimatedStartAt).toISOString()
  }
}

/**
 * `Foreman-Priority`, or `fallback` as far as the caller may have it.
 * @throws {BadRequestError} for a word that it does not know; {PriorityNotAllowedError}
 */
export function readPriority({ headers, caller }: FastifyRequest, fallback: Priority): Priority {
  const asked = headers['foreman-priority']
  if (asked === undefined || (typeof asked === 'string' && isPriority(asked)))
    return priorityFor(caller, asked, fallback)
  throw new BadRequestError(`Foreman-Priority must be one of ${priorities.join(', ')}, found "${asked}"`)
}

function readWishes(request: FastifyRequest): Wishes {
  const { headers } = request
  const priority = readPriority(request, 'interactive')
  const onDisconnect = headers['foreman-on-disconnect'] ?? 'cancel'
  if (onDisconnect !== 'cancel' && onDisconnect !== 'continue') {
    throw new BadRequestError(`Foreman-On-Disconnect must be cancel or continue, found "${onDisconnect}"`)
  }
  return { priority, goesOn: onDisconnect === 'continue' }
}

/** An answer that is kept as well, because its job goes on when its client has left. */
class KeptReply implements AnswerSink {
  readonly #reply: ReplySink
  readonly #recording: Recording
  #taker: AnswerTaker | undefined

  constructor(reply: ReplySink, inference: Inference) {
    this.#reply = reply
    this.#recording = new Recording(inference.native !== undefined)
  }

  writeTo(taker: AnswerTaker): void {
    this.#taker = taker
    this.#recording.writeTo(taker)
  }

  head(status: number, headers: HeaderField[], flow: Flow): void {
    this.#reply.head(status, headers, flow)
    this.#recording.head(status, headers)
    this.#taker?.head({ status, contentType: headerValue(headers, 'content-type') ?? '' })
  }

  // To the caller first: nobody waits for what is written down.
  data(chunk: Buffer): void {
    this.#reply.data(chunk)
    this.#recording.data(chunk)
    this.#taker?.bytes(chunk)
  }

  end(): void {
    this.#reply.end()
  }

  fail(error: ForemanError): void {
    this.#reply.fail(error)
  }

  kept(): Output | undefined {
    return this.#recording.kept()
  }
}

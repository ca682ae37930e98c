/** Many jobs at once, as lines. Source: docs/http-api.md, "Many at once". */
import { ForemanConnectionError, ForemanError } from './errors.ts'
import { broken, type Http } from './http.ts'
import { newKey } from './keys.ts'
import { Patience } from './retry.ts'
import type { NewJob } from './types.ts'

/** A job among many. Without a key of its own it gets one, so that no line is ever taken twice. */
export type NewJobLine = NewJob & { idempotency_key?: string }

/** How to hand in many. */
export interface SubmitManyOptions {
  /** Jobs in one request. Defaults to 500. */
  batch?: number
  signal?: AbortSignal
}

/** Why a line was refused. */
export interface LineError {
  /** One of foreman's docs/errors.md. */
  code: string
  detail: string
  /** JSON pointer into the line. */
  pointer?: string
}

/** What became of a line; `index` is its place among those handed in, from 0. */
export type Submitted =
  | { index: number; id: string; replayed: boolean; error?: undefined }
  | { index: number; id?: undefined; error: LineError }

interface Line {
  index: number
  text: string
}

interface LineAnswer {
  id?: string
  replayed?: boolean
  error?: LineError
}

/**
 * Hands them in, batch by batch, and gives the answer to each in order of the batches. Lines that are refused for want of
 * room are sent again, with the same keys, until there is: they are given with that error where `limitS` has passed since
 * one was taken.
 * @throws {ForemanError} where a whole request is refused {ForemanConnectionError} after `limitS` without foreman
 */
export async function* submitMany(
  http: Http,
  jobs: Iterable<NewJobLine> | AsyncIterable<NewJobLine>,
  { batch = 500, signal }: SubmitManyOptions = {}
): AsyncGenerator<Submitted, void, undefined> {
  // One for all: the next batch finds no more room than this one.
  const patience = new Patience(http.rules, http.rules.limitS)
  let index = 0
  let lines: Line[] = []
  for await (const job of jobs) {
    lines.push({ index, text: JSON.stringify({ idempotency_key: newKey(), ...job }) })
    index += 1
    if (lines.length < batch) continue
    yield* submitLines(http, patience, lines, signal)
    lines = []
  }
  yield* submitLines(http, patience, lines, signal)
}

async function* submitLines(http: Http, patience: Patience, lines: Line[], signal: AbortSignal | undefined) {
  let open = lines
  while (open.length > 0) {
    const { answers, failure } = await send(http, open, signal)
    const submitted = answers.map((answer, n) => submittedOf(open[n]!.index, answer))
    const settled = submitted.filter(one => !lacksRoom(one))
    yield* settled
    if (settled.length > 0) patience.renew()
    const done = new Set(settled.map(one => one.index))
    open = open.filter(one => !done.has(one.index))
    if (open.length === 0) return
    const refused = submitted.filter(lacksRoom)
    try {
      await patience.pause(failure ?? noRoom(refused[0]!.error), signal)
    } catch (err) {
      signal?.throwIfAborted()
      if (failure !== undefined) throw err
      return yield* refused
    }
  }
}

/** Sends lines once; what was answered before the connection broke counts. */
async function send(http: Http, lines: Line[], signal: AbortSignal | undefined) {
  const answers: LineAnswer[] = []
  try {
    const headers = { 'content-type': 'application/x-ndjson' }
    const body = lines.map(line => line.text).join('\n')
    const answer = await http.once('/jobs', { method: 'POST', headers, body, signal })
    for await (const line of linesOf(answer.body!)) answers.push(JSON.parse(line))
  } catch (err) {
    if (err instanceof ForemanError || err instanceof ForemanConnectionError) return { answers, failure: err }
    try {
      broken(err, signal)
    } catch (failure) {
      if (failure instanceof ForemanConnectionError) return { answers, failure }
      throw failure
    }
  }
  if (answers.length >= lines.length) return { answers }
  return {
    answers,
    failure: new ForemanConnectionError(
      'not every line was answered: the answer broke off, or is not foreman’s'
    )
  }
}

/** Whole lines of a body; what comes behind the last line end is none. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = lines.pop()!
    yield* lines.filter(line => line !== '')
  }
}

function submittedOf(index: number, { id, replayed = false, error }: LineAnswer): Submitted {
  if (id !== undefined) return { index, id, replayed }
  return { index, error: error ?? { code: 'internal', detail: 'an answer that says nothing' } }
}

/** A refusal that passes, as jobs are run. */
const roomCodes: ReadonlySet<string> = new Set([
  ...['queue_full', 'storage_low', 'draining'],
  ...['rate_limited', 'queue_quota_exceeded']
])

function lacksRoom(one: Submitted): one is Extract<Submitted, { error: LineError }> {
  return one.error !== undefined && roomCodes.has(one.error.code)
}

function noRoom({ code, detail }: LineError): ForemanError {
  return new ForemanError({ status: 503, code, detail, retryable: true })
}

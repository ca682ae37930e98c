/** The client: foreman's own routes as methods. */
import { ForemanError } from './errors.ts'
import type { JobEvent } from './events.ts'
import { type FollowOptions, follow } from './follow.ts'
import { type Call, Http } from './http.ts'
import { newKey } from './keys.ts'
import { type RetryOptions, retryRules } from './retry.ts'
import { type NewJobLine, type SubmitManyOptions, type Submitted, submitMany } from './submit-many.ts'
import { Answer, type AnswerUpdate } from './text.ts'
import type { Artifact, Job, JobState, Models, NewJob, Priority, Queue, Why } from './types.ts'
import { type WaitOptions, wait } from './wait.ts'

/** Which foreman, and who asks. */
export interface ForemanOptions {
  /** Where it is: `http://127.0.0.1:8080`. A path in it is kept. */
  baseUrl: string | URL
  /** Shown as `Authorization: Bearer`. None where foreman runs without tokens. */
  token?: string
  /** Used in place of the global `fetch`. */
  fetch?: typeof fetch
  /** What is tried again and for how long; `false` for nothing. */
  retry?: RetryOptions | false
}

/** What every call takes. */
export interface CallOptions {
  /** Gives up the call. What foreman has accepted goes on. */
  signal?: AbortSignal
}

/** How to hand a job in. */
export interface SubmitOptions extends CallOptions {
  /** 1 to 255 printable ASCII characters: the same key with the same job gives that job. Defaults to a new one. */
  idempotencyKey?: string
  /** Holds the answer back until the job has ended, so many seconds at most (60). Defaults to 0. */
  waitS?: number
}

/** Which jobs to list. */
export interface ListOptions extends CallOptions {
  state?: JobState | readonly JobState[]
  model?: string
  kind?: string
  priority?: Priority
  /** RFC 3339, exclusive. */
  createdAfter?: string
  /** RFC 3339, exclusive. */
  createdBefore?: string
  /** Jobs that have all of these pairs. */
  metadata?: Record<string, string>
  /** Jobs in one request, 1 to 100. Defaults to 100. */
  pageSize?: number
}

/** How to upload. */
export interface UploadOptions extends CallOptions {
  /** Kept where the bytes agree with it. Defaults to that of a `Blob`, else to `application/octet-stream`. */
  contentType?: string
  /** For display only. */
  filename?: string
}

/**
 * One foreman.
 *
 * Every method throws a `ForemanError` where foreman refuses, and a `ForemanConnectionError` where it cannot be reached.
 * What may be asked twice is tried again for a while (see `RetryOptions`); an aborted signal throws its own reason.
 */
export class Foreman {
  readonly #http: Http

  constructor({ baseUrl, token, fetch, retry }: ForemanOptions) {
    this.#http = new Http(String(baseUrl), token, fetch, retryRules(retry))
  }

  /** Where it is, without a slash at the end. */
  get baseUrl(): string {
    return this.#http.baseUrl
  }

  /** The headers that show who asks: for clients of other libraries. */
  get authorization(): Record<string, string> {
    return this.#http.authorization
  }

  /** Hands a job in; it is on foreman's disk when this is kept. Has a key always, so that it may be tried again. */
  submit(job: NewJob, { idempotencyKey = newKey(), waitS, signal }: SubmitOptions = {}): Promise<Job> {
    const headers = { 'idempotency-key': idempotencyKey, ...(waitS && { prefer: `wait=${waitS}` }) }
    return this.#http.post('/jobs', job, { headers, signal, idempotent: true })
  }

  /** Hands many in, some hundred a request, and gives the answer to each. A line that is refused stops no other. */
  submitMany(
    jobs: Iterable<NewJobLine> | AsyncIterable<NewJobLine>,
    options?: SubmitManyOptions
  ): AsyncGenerator<Submitted, void, undefined> {
    return submitMany(this.#http, jobs, options)
  }

  /** The job as it is. */
  get(id: string, { signal }: CallOptions = {}): Promise<Job> {
    return this.#http.json(jobPath(id), { signal })
  }

  /** The job when it has ended, whatever its state. Bears that foreman is away for `maxOutageS`. */
  wait(id: string, options?: WaitOptions): Promise<Job> {
    return wait(this.#http, id, options)
  }

  /** Its events, each once and in order, up to the last. Comes back after cuts and restarts. */
  follow(id: string, options?: FollowOptions): AsyncGenerator<JobEvent, void, undefined> {
    return follow(this.#http, id, options)
  }

  /**
   * Its text from the beginning, as it is written.
   * @throws {JobNotDoneError} at the end of a job that is not done {TextMissingError} where a piece of the text was lost
   */
  async *text(id: string, { signal }: CallOptions = {}): AsyncGenerator<AnswerUpdate, void, undefined> {
    const answer = new Answer()
    for await (const event of follow(this.#http, id, { signal })) yield* answer.take(event)
  }

  /** Cancels it. Read the `state`: it may have come too late, and while the target is being left it is `canceling`. */
  cancel(id: string, { signal }: CallOptions = {}): Promise<Job> {
    return this.#http.json(`${jobPath(id)}/cancel`, { method: 'POST', signal, idempotent: true })
  }

  /** Makes a new job of one that has failed, expired or was canceled. Not tried again where the answer was lost. */
  retry(id: string, { signal }: CallOptions = {}): Promise<Job> {
    return this.#http.json(`${jobPath(id)}/retry`, { method: 'POST', signal })
  }

  /** Removes everything that an ended job left. Deleting what was deleted is no error. */
  async delete(id: string, { signal }: CallOptions = {}): Promise<void> {
    try {
      await this.#http.call(jobPath(id), { method: 'DELETE', signal }, async () => {})
    } catch (err) {
      // The answer to the first try may have been lost.
      if (!(err instanceof ForemanError && err.code === 'job_data_removed')) throw err
    }
  }

  /** Jobs, the newest first, without their results; asks page by page as they are taken. */
  async *list({ signal, ...which }: ListOptions = {}): AsyncGenerator<Job, void, undefined> {
    const query = listQuery(which)
    let cursor: string | undefined
    do {
      const page: Page = await this.#http.json('/jobs', { query: { ...query, cursor }, signal })
      yield* page.data
      cursor = (page.has_more && page.next_cursor) || undefined
    } while (cursor !== undefined)
  }

  /** What it made, then the uploads that it refers to. */
  async artifacts(id: string, { signal }: CallOptions = {}): Promise<Artifact[]> {
    return (await this.#http.json<{ data: Artifact[] }>(`${jobPath(id)}/artifacts`, { signal })).data
  }

  /** The bytes of what it made, as a `Response` that is not read yet. Defaults to `completion`, the native answer. */
  artifact(id: string, name = 'completion', { signal }: CallOptions = {}): Promise<Response> {
    const path = `${jobPath(id)}/artifacts/${encodeURIComponent(name)}`
    return this.#http.call(path, { signal }, async answer => answer)
  }

  /** Stores bytes for jobs to use: `{ artifact_id }` stands where an image would. Equal bytes are stored once. */
  upload(
    bytes: Uint8Array | Blob | string,
    { contentType, filename, signal }: UploadOptions = {}
  ): Promise<Artifact> {
    const type =
      contentType ?? (bytes instanceof Blob && bytes.type ? bytes.type : 'application/octet-stream')
    const headers = { 'content-type': type, ...(filename !== undefined && named(filename)) }
    const call: Call = { method: 'POST', headers, body: bytes, signal, idempotent: true }
    return this.#http.json('/artifacts', call)
  }

  /** What waits, in numbers. */
  queue({ signal }: CallOptions = {}): Promise<Queue> {
    return this.#http.json('/queue', { signal })
  }

  /** What the target has installed. */
  models({ signal }: CallOptions = {}): Promise<Models> {
    return this.#http.json('/models', { signal })
  }

  /** What a job waited for, or waits for. */
  why(id: string, { signal }: CallOptions = {}): Promise<Why> {
    return this.#http.json(`${jobPath(id)}/why`, { signal })
  }
}

interface Page {
  data: Job[]
  has_more: boolean
  next_cursor: string | null
}

function jobPath(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`
}

function named(filename: string): Record<string, string> {
  // RFC 6266 in the form of RFC 8187, which takes every character.
  return { 'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(filename)}` }
}

function listQuery(which: Omit<ListOptions, 'signal'>): Record<string, string | number | undefined> {
  const { state, model, kind, priority, createdAfter, createdBefore, metadata = {}, pageSize = 100 } = which
  return {
    ...(state !== undefined && { state: [state].flat().join(',') }),
    ...{ model, kind, priority, limit: pageSize },
    ...{ created_after: createdAfter, created_before: createdBefore },
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value]))
  }
}

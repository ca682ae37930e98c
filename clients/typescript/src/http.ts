/** Requests to one foreman: its address, its token, and what is tried again. */
import { ForemanConnectionError, refusalOf } from './errors.ts'
import { Patience, type RetryRules } from './retry.ts'

/** One request. */
export interface Call {
  /** Defaults to GET. */
  method?: string
  headers?: Record<string, string>
  query?: Record<string, string | number | undefined>
  body?: string | Uint8Array | Blob
  signal?: AbortSignal | undefined
  /** A try that takes longer has failed. Without limit when left out. */
  timeoutS?: number
  /** Whether it may reach foreman twice. Defaults to true for all but POST. */
  idempotent?: boolean
}

/** Speaks to one foreman. */
export class Http {
  readonly baseUrl: string
  readonly rules: RetryRules
  readonly #token: string | undefined
  readonly #fetch: typeof fetch

  constructor(
    baseUrl: string,
    token: string | undefined,
    fetcher: typeof fetch | undefined,
    rules: RetryRules
  ) {
    // A path in it stays: foreman may lie behind a proxy, or have its token there.
    this.baseUrl = parsed(baseUrl).href.replace(/\/+$/, '')
    this.rules = rules
    this.#token = token
    // Browsers refuse a `fetch` that is called as somebody's method.
    this.#fetch = fetcher ?? ((...args) => fetch(...args))
  }

  /** The headers that show who asks. */
  get authorization(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
  }

  /** Sends it once. @throws {ForemanError} for any answer of 400 or above {@link ForemanConnectionError} without one */
  async once(path: string, call: Call = {}): Promise<Response> {
    const { method = 'GET', headers, query = {}, body, signal, timeoutS } = call
    const url = new URL(this.baseUrl + path)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const init = {
      method,
      headers: { ...this.authorization, ...headers },
      ...(body !== undefined && { body })
    }
    // Foreman never redirects; a token must not follow somebody else's redirect.
    const stop = timeoutS === undefined ? signal : eitherOf(AbortSignal.timeout(timeoutS * 1000), signal)
    const sent = this.#fetch(url, {
      ...init,
      redirect: 'error',
      ...(stop && { signal: stop })
    } as RequestInit)
    const answer = await sent.catch(err => broken(err, signal, `no answer from ${url.origin}`))
    if (answer.status >= 400) throw await refusalOf(answer)
    return answer
  }

  /** Sends it and reads the answer by `read`, again where that may help. @throws as {@link once} */
  async call<T>(path: string, call: Call, read: (answer: Response) => Promise<T>): Promise<T> {
    const { method = 'GET', signal, idempotent = method !== 'POST' } = call
    const patience = new Patience(this.rules, this.rules.limitS)
    for (;;) {
      try {
        const answer = await this.once(path, call)
        return await read(answer).catch(err => broken(err, signal))
      } catch (err) {
        if (!idempotent && !wasRefused(err)) throw err
        await patience.pause(err, signal)
      }
    }
  }

  /** The same for an answer in JSON. */
  json<T>(path: string, call: Call = {}): Promise<T> {
    return this.call(path, call, async answer => (await answer.json()) as T)
  }

  /** Sends `body` as JSON. */
  post<T>(path: string, body: unknown, call: Call = {}): Promise<T> {
    const headers = { 'content-type': 'application/json', ...call.headers }
    return this.json(path, { ...call, method: 'POST', headers, body: JSON.stringify(body) })
  }
}

/** @throws {TypeError} where it is no address that can be asked */
function parsed(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new TypeError(`the base URL is such as http://127.0.0.1:8080, and not ${baseUrl}`)
}

/** A signal that stops at the first of both. */
export function eitherOf(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other])
}

/** Makes what `fetch` throws one kind of error. @throws always: what the signal says, where it was that */
export function broken(err: unknown, signal?: AbortSignal, what = 'the answer broke off'): never {
  signal?.throwIfAborted()
  const { message, cause } = err as Error
  const { code, message: why } = (cause ?? {}) as { code?: string; message?: string }
  const reason = code ?? why
  // Half an answer looks the same as one of something else.
  const before = err instanceof SyntaxError ? "the answer broke off, or is not foreman's" : what
  throw new ForemanConnectionError(`${before}: ${message}${reason === undefined ? '' : ` (${reason})`}`, err)
}

// Refused for want of room: nothing was done, so that no call can be done twice.
function wasRefused(err: unknown): boolean {
  const { status, code } = err as { status?: number; code?: string }
  return code !== undefined && (status === 429 || status === 503)
}

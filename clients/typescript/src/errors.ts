/** What can go wrong between a caller and foreman. */

/** A place in a body that broke the schema. */
export interface Fault {
  /** JSON pointer (RFC 6901). */
  pointer: string
  detail: string
}

/** What foreman, or its target, has refused. */
export interface Refusal {
  status: number
  /** Stable, one of foreman's docs/errors.md; undefined where the answer has none, as the target's own. */
  code?: string | undefined
  detail: string
  /** Whether the same request can succeed later. */
  retryable: boolean
  retryAfterS?: number | undefined
  requestId?: string | undefined
  faults?: Fault[] | undefined
}

/** An answer of status 400 or above. New codes may come: treat one you do not know by its status. */
export class ForemanError extends Error implements Refusal {
  override readonly name: string = 'ForemanError'
  readonly status: number
  readonly code: string | undefined
  readonly detail: string
  readonly retryable: boolean
  /** Seconds to wait before the next try, where the answer tells. */
  readonly retryAfterS: number | undefined
  /** The id of the request in foreman's log. */
  readonly requestId: string | undefined
  /** The places that are wrong, for `validation_failed`. */
  readonly faults: Fault[]

  constructor(refusal: Refusal) {
    // Without a code the address of something else is the most likely reason.
    const from = refusal.code === undefined ? ", not foreman's own answer" : ` ${refusal.code}`
    super(`${refusal.detail} (${refusal.status}${from})`)
    this.status = refusal.status
    this.code = refusal.code
    this.detail = refusal.detail
    this.retryable = refusal.retryable
    this.retryAfterS = refusal.retryAfterS
    this.requestId = refusal.requestId
    this.faults = refusal.faults ?? []
  }
}

/** No answer, or half of one: foreman is away, or the connection broke. `cause` tells more. */
export class ForemanConnectionError extends Error {
  override readonly name: string = 'ForemanConnectionError'

  constructor(message: string, cause?: unknown) {
    super(message, { cause })
  }
}

/** Reads a refusal in any of foreman's shapes: a problem document, Ollama's, OpenAI's and Anthropic's. */
export async function refusalOf(answer: Response): Promise<ForemanError> {
  const text = await answer.text().catch(() => '')
  const body = parsed(text)
  const { status, headers } = answer
  const code = codeOf(headers, body)
  return new ForemanError({
    status,
    code,
    detail: detailOf(body) ?? wordsOf(text) ?? (answer.statusText || 'no reason given'),
    retryable: typeof body.retryable === 'boolean' ? body.retryable : mayPass(status, code),
    retryAfterS: readRetryAfter(headers),
    requestId: textOf(body.request_id),
    faults: Array.isArray(body.errors) ? (body.errors as Fault[]) : undefined
  })
}

/** A document that a proxy made has codes of its own, so that only that of a problem counts beside the header. */
function codeOf(headers: Headers, { code }: Body): string | undefined {
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json')
  return headers.get('foreman-error-code') ?? (isProblem ? textOf(code) : undefined)
}

/** An answer that says nothing about it is read by its status: the request came too early, not wrongly. */
function mayPass(status: number, code: string | undefined): boolean {
  return retryableStatuses.has(status) && !lasting.has(code)
}

const retryableStatuses: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])
/** What has such a status and is the same the next time. */
const lasting: ReadonlySet<string | undefined> = new Set([
  'run_timeout',
  'target_incomplete',
  'too_many_failed_logins'
])
/** What proxies say can be long. */
const longestDetail = 500

type Body = Record<string, unknown>

function parsed(text: string): Body {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Body) : {}
  } catch {
    return {}
  }
}

function detailOf({ detail, title, error }: Body): string | undefined {
  // Ollama's `error` is text, that of the two others an object with a `message`.
  const inner = typeof error === 'object' && error !== null ? (error as Body).message : error
  return textOf(detail) ?? textOf(inner) ?? textOf(title)
}

/** What is no JSON that is known, unless it is a page to be looked at. */
function wordsOf(text: string): string | undefined {
  const words = text.trim()
  return words.startsWith('<') ? undefined : textOf(words.slice(0, longestDetail))
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Seconds of a `Retry-After` in either form (RFC 9110, section 10.2.3); undefined for none. */
function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return Math.max(0, seconds)
  // A time is one of the sender's clock, which may be another than ours; what it shows now, `Date` tells.
  const now = Date.parse(headers.get('date') ?? '') || Date.now()
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, (at - now) / 1000)
}

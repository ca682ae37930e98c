/**
 * Verifies what foreman's webhooks bring. Source: Standard Webhooks 1.0.0 and docs/webhooks.md of foreman.
 */
import type { Job, JobState, Open } from './types.ts'

/** A message that is genuine. Types and fields that are not known are there as they came. */
export interface WebhookEvent {
  /** `webhook-id`: the same at every attempt. Remember it for a day, and do nothing for one that you know. */
  id: string
  type: Open<
    | 'job.queued'
    | 'job.loading'
    | 'job.working'
    | 'job.retrying'
    | 'job.canceling'
    | 'job.done'
    | 'job.failed'
    | 'job.canceled'
    | 'job.expired'
    | 'webhook_endpoint.test'
  >
  /** When it happened, RFC 3339. */
  timestamp?: string
  /** Of `job.*` the job as that change left it; of a thin endpoint its `id`, `state`, `seq` and `urls` alone. */
  data: Partial<Job> & { previous_state?: JobState | null; [field: string]: unknown }
  [field: string]: unknown
}

/** Headers as `fetch` or Node's `http` has them. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>

/** How to verify. */
export interface VerifyOptions {
  /** How far `webhook-timestamp` may be off this machine's clock, in seconds. Defaults to 300. */
  toleranceS?: number
  /** What this machine's clock says. Defaults to now. */
  now?: Date
}

/**
 * Why a message was refused: a header is missing or wrong, no signature fits, the time is too far off, or the body of a
 * genuine message is no JSON.
 */
export type WebhookFault = 'headers' | 'signature' | 'timestamp' | 'body'

/** A message that is not to be trusted: answer 400. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError'
  readonly fault: WebhookFault

  constructor(fault: WebhookFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/**
 * Verifies a message and reads it.
 *
 * `body` is what came, byte for byte: parsed and written anew, no signature fits. `secrets` are `whsec_…` (HMAC) or
 * `whpk_…` (the public key of `GET /webhook-keys`); during a rotation give both, one that fits is enough.
 * @throws {WebhookVerificationError} where it is not genuine {TypeError} where a secret is none, or the body is parsed
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  { toleranceS = 300, now = new Date() }: VerifyOptions = {}
): Promise<WebhookEvent> {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(name =>
    header(headers, name)
  ) as [string, string, string]
  if (!/^\d+$/.test(timestamp))
    throw new WebhookVerificationError('headers', 'webhook-timestamp is no number of seconds')
  const bytes = bytesAsTheyCame(body)
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), bytes)
  const known = [secrets].flat()
  if (known.length === 0) throw new TypeError('there is no secret to verify a webhook with')
  const checks = known.flatMap(secret => fits(secret, signatures.split(' '), signed))
  if (!(await Promise.all(checks)).includes(true)) {
    const why = 'no signature fits: it is another secret, or the body was changed on its way'
    throw new WebhookVerificationError('signature', why)
  }
  checkTime(timestamp, toleranceS, now)
  return { ...parsed(bytes), id }
}

function bytesAsTheyCame(body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return new TextEncoder().encode(body)
  if (ArrayBuffer.isView(body)) return body
  throw new TypeError(
    'the body of a webhook is verified as it came, as text or bytes: parsed it has no signature'
  )
}

function header(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : lookUp(headers, name)
  if (!value) throw new WebhookVerificationError('headers', `the header ${name} is missing`)
  return value
}

function lookUp(headers: Exclude<WebhookHeaders, Headers>, name: string): string | undefined {
  const key = Object.keys(headers).find(key => key.toLowerCase() === name)
  return [headers[key ?? name]].flat()[0]
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(head.length + tail.length)
  all.set(head)
  all.set(tail, head.length)
  return all
}

/** What stands before a secret, and the version of the signatures that it makes. */
const schemes = [
  { prefix: 'whsec_', version: 'v1', algorithm: { name: 'HMAC', hash: 'SHA-256' }, sizes: [24, 64] },
  { prefix: 'whpk_', version: 'v1a', algorithm: { name: 'Ed25519' }, sizes: [32, 32] }
] as const

/** A check for each signature of the version that the secret is for; versions that are not known are no concern of it. */
function fits(secret: string, signatures: string[], signed: Uint8Array<ArrayBuffer>): Promise<boolean>[] {
  // A variable of the environment that is not set is undefined, whatever the type says.
  const scheme = schemes.find(({ prefix }) => secret?.startsWith(prefix))
  const raw = scheme && bytesOf(secret.slice(scheme.prefix.length))
  if (raw === undefined || raw.length < scheme!.sizes[0] || raw.length > scheme!.sizes[1])
    throw new TypeError('a secret of webhooks is whsec_ and 24 to 64 bytes, or whpk_ and 32, in base64')
  const key = crypto.subtle.importKey('raw', raw, scheme!.algorithm, false, ['verify'])
  return signatures
    .map(signature => signature.split(',', 2))
    .filter(([version]) => version === scheme!.version)
    .map(async ([, text = '']) => {
      const given = bytesOf(text)
      // It compares in constant time.
      return given !== undefined && crypto.subtle.verify(scheme!.algorithm.name, await key, given, signed)
    })
}

/** Undefined where it is no base64. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const raw = atob(text)
    // It takes text without its padding, and with spaces in it; foreman and others who verify do not.
    if (raw === '' || btoa(raw) !== text) return undefined
    return Uint8Array.from(raw, char => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

// Behind the signature: so a time that is off is known to be foreman's, and not somebody's who made it up.
function checkTime(timestamp: string, toleranceS: number, now: Date): void {
  const offS = Math.round(now.getTime() / 1000) - Number(timestamp)
  if (Math.abs(offS) <= toleranceS) return
  const where = offS > 0 ? 'behind' : 'ahead of'
  const text =
    `the signature is right, but its time is ${Math.abs(offS)} s ${where} this machine's clock, and ${toleranceS} s are ` +
    'allowed: check the clock of this machine and of foreman; if both are right, it is an old message sent once more'
  throw new WebhookVerificationError('timestamp', text)
}

function parsed(bytes: Uint8Array): WebhookEvent {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new WebhookVerificationError('body', 'the signature is right, but the body is no JSON')
  }
}

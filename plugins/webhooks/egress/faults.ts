/**
 * What can go wrong on the way to a receiver, in words of a closed list: they are shown to whoever owns the endpoint,
 * so none tells an address, a path or a message that a stranger wrote.
 */
import type { Outcome } from './answer.ts'
import { WebhookUrlRefusedError } from './errors.ts'

/** An end of an attempt without an answer. `message` is the phrase that the delivery log shows. */
export class SendFault extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome, phrase: string, options?: { cause: unknown }) {
    super(phrase, options)
    this.outcome = outcome
  }
}

/** The step at which something failed: the name, the connection, its TLS, or what came over it. */
export type Step = 'dns' | 'connect' | 'tls' | 'answer'

const CONNECTION = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'host unreachable',
  EINVAL: 'host unreachable',
  EADDRNOTAVAIL: 'host unreachable',
  ECONNRESET: 'connection closed',
  EPIPE: 'connection closed'
}

const PHRASES: Record<Step, Readonly<Record<string, string>>> = {
  dns: { ENOTFOUND: 'name not found', ENODATA: 'name not found', EBADNAME: 'name not found' },
  connect: CONNECTION,
  tls: {
    CERT_HAS_EXPIRED: 'certificate has expired',
    CERT_NOT_YET_VALID: 'certificate is not valid yet',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
    SELF_SIGNED_CERT_IN_CHAIN: 'certificate of an unknown authority',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate of an unknown authority',
    UNABLE_TO_GET_ISSUER_CERT: 'certificate of an unknown authority',
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate of an unknown authority',
    ERR_TLS_CERT_ALTNAME_INVALID: 'certificate for another name'
  },
  answer: {
    ...CONNECTION,
    UND_ERR_SOCKET: 'connection closed',
    UND_ERR_HEADERS_OVERFLOW: 'answer too large',
    UND_ERR_INVALID_ARG: 'request cannot be sent',
    // A proxy that was asked for a way to the receiver, and answered otherwise or not at all.
    UND_ERR_ABORTED: 'refused by the proxy',
    UND_ERR_PRX_CONN: 'refused by the proxy',
    UND_ERR_PRX_TLS: 'refused by the proxy'
  }
}

/** What an error without a phrase of its own is. */
const OTHERWISE: Record<Step, SendFaultParts> = {
  dns: ['dns', 'name server failed'],
  connect: ['connect', 'no connection'],
  tls: ['tls', 'TLS handshake failed'],
  answer: ['connect', 'no HTTP answer']
}

type SendFaultParts = readonly [outcome: Outcome, phrase: string]

/** The address or URL is one that nothing is sent to. */
export function notAllowed(what: 'URL' | 'address'): SendFault {
  return new SendFault('ssrf_blocked', `${what} not allowed`)
}

/** The time for `what` (a connection, an answer) has run out. */
export function tooLate(what: 'connection' | 'answer'): SendFault {
  return new SendFault('timeout', `no ${what} in time`)
}

/** More came before the end of the head than any answer needs. */
export function tooLarge(): SendFault {
  return new SendFault('connect', 'answer too large')
}

/** Names whatever was thrown at this step; a fault stays what it is. */
export function faultOf(error: unknown, step: Step): SendFault {
  if (error instanceof SendFault) return error
  if (error instanceof WebhookUrlRefusedError) return notAllowed('URL')
  const code = codeOf(error)
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT') return tooLate('connection')
  // TLS towards a receiver behind a proxy is undici's, so its faults come with the answer's.
  const at = step === 'answer' && code in PHRASES.tls ? 'tls' : step
  const [outcome, otherwise] = OTHERWISE[at]
  return new SendFault(outcome, PHRASES[at][code] ?? otherwise, { cause: error })
}

/** What came is not an answer of HTTP/1.1. */
export function noHttp(): SendFault {
  return new SendFault(...OTHERWISE.answer)
}

/** Where every address of a name was tried, the first failure stands for all. */
function codeOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error
  const { code, message } = (first ?? {}) as { code?: unknown; message?: unknown }
  // undici calls an interim answer that may not be one the same as a connection that was closed.
  if (message === 'bad response' || message === 'bad upgrade') return ''
  return typeof code === 'string' ? code : ''
}

/**
 * How a call to the target can fail, told apart by what the caller has to do about it.
 */

import { errors } from 'undici'

/**
 * - `refused`: no connection (refused, no such name, no route, connect timeout, TLS refused). Nothing was sent, so it
 *   is no attempt.
 * - `unreachable`: a small read of foreman's own was not answered in its time.
 * - `reset`: the connection died after the request went out and before the head of an answer came.
 * - `truncated`: the connection died in the middle of the answer.
 * - `aborted`: foreman ended the call itself: by its signal, by closing the client, or because the handler or the
 *   request's own body failed (`cause` tells which).
 * - `protocol`: what came back is not HTTP, or not the JSON it should be.
 * - `status`: a small read of foreman's own was answered, with a status other than 2xx (`status` has it).
 */
export type TargetErrorKind =
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'truncated'
  | 'aborted'
  | 'protocol'
  | 'status'

/** How far an exchange has come. */
export type ExchangePhase = 'connecting' | 'sent' | 'answering'

const MEANING: Record<TargetErrorKind, string> = {
  refused: 'target cannot be connected to',
  unreachable: 'target did not answer in time',
  reset: 'target closed the connection before it answered',
  truncated: 'target closed the connection in the middle of its answer',
  aborted: 'call to the target was ended',
  protocol: 'target did not answer as an HTTP server',
  status: 'target refused the request'
}

/** A call to the target that did not end with a complete answer. `cause` is the underlying failure, if any. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
  readonly kind: TargetErrorKind
  /** HTTP status, for kind `status` only. */
  readonly status: number | undefined
  /** The target's own words, for kind `status` only. */
  readonly text: string | undefined

  constructor(
    kind: TargetErrorKind,
    options: { cause?: unknown; status?: number; text?: string; detail?: string } = {}
  ) {
    const detail = options.detail ?? (options.cause instanceof Error ? options.cause.message : undefined)
    super(detail ? `${MEANING[kind]}: ${detail}` : MEANING[kind], { cause: options.cause })
    this.kind = kind
    this.status = options.status
    this.text = options.text
  }
}

/** Names what undici or the socket reported, by the phase it happened in. A TargetError stays what it is. */
export function toTargetError(error: Error, phase: ExchangePhase): TargetError {
  if (error instanceof TargetError) return error
  return new TargetError(kindOf(error as NodeJS.ErrnoException, phase), { cause: error })
}

function kindOf(error: NodeJS.ErrnoException, phase: ExchangePhase): TargetErrorKind {
  const code = error.code ?? ''
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') return 'aborted'
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'protocol'
  if (phase === 'connecting') return 'refused'
  if (isCutAnswer(error)) return 'truncated'
  if (isParserError(error) || code === 'UND_ERR_HEADERS_OVERFLOW') return 'protocol'
  if (isSocketFailure(error)) return phase === 'answering' ? 'truncated' : 'reset'
  return 'aborted'
}

/** The parser's two ways to say that an answer ended before its own framing did: no byte is left to blame. */
function isCutAnswer(error: NodeJS.ErrnoException & { data?: unknown }): boolean {
  return error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || (isParserError(error) && error.data === '')
}

function isParserError(error: Error): boolean {
  return error instanceof errors.HTTPParserError
}

/** A failure of the connection, as opposed to one of the request's body or of the handler. */
function isSocketFailure(error: NodeJS.ErrnoException): boolean {
  return (
    error.code === 'UND_ERR_SOCKET' ||
    error.syscall !== undefined ||
    error.code?.startsWith('ERR_SSL') === true
  )
}

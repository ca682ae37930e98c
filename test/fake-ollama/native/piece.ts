/**
 * What a model puts out, before it is put into the words of one API or another.
 */

/** A call of a tool; `arguments` is an object here and text in the OpenAI shape. */
export interface ToolCall {
  id: string
  function: { index: number; name: string; arguments: Record<string, unknown> }
}

/** The log probability of one token. */
export interface Logprob {
  token: string
  logprob: number
  bytes: number[]
  top_logprobs?: { token: string; logprob: number }[]
}

/** Counts and spans of a finished generation; spans in whole nanoseconds. */
export interface Metrics {
  total_duration: number
  load_duration: number
  prompt_eval_count: number
  prompt_eval_duration: number
  eval_count: number
  eval_duration: number
}

/** One record of an answer. */
export interface Piece {
  /** The request's model string, verbatim. */
  model: string
  createdAtMs: number
  content: string
  thinking: string
  toolCalls: ToolCall[]
  logprobs: Logprob[]
  done: boolean
  doneReason: string
  /** Only with a generate request's last record. */
  context?: number[]
  metrics?: Metrics
}

/** How an answer reaches the client: in the shape of one API, streamed or not. */
export interface Reply {
  /** An answer that is one record whatever `stream` says. */
  whole(piece: Piece): void | Promise<void>
  /** The next record. */
  piece(piece: Piece): void | Promise<void>
  /** A refusal before any work began. */
  refuse(status: number, message: string, extra?: Record<string, string>): void
  /** A failure of the work, before or after its first record. */
  fail(status: number, message: string): void | Promise<void>
  /** No more records will come; the last one may be missing. */
  finish(): void | Promise<void>
}

/** A record with nothing in it. */
export function emptyPiece(model: string, createdAtMs: number): Piece {
  return {
    model,
    createdAtMs,
    content: '',
    thinking: '',
    toolCalls: [],
    logprobs: [],
    done: false,
    doneReason: ''
  }
}

/** Joins the records of a stream into one, as a request with `stream` false gets it. */
export function joinPieces(pieces: Piece[], model: string, nowMs: number): Piece {
  const last = pieces.at(-1) ?? emptyPiece(model, nowMs)
  return {
    ...last,
    content: pieces.map(piece => piece.content).join(''),
    thinking: pieces.map(piece => piece.thinking).join(''),
    toolCalls: pieces.flatMap(piece => piece.toolCalls),
    logprobs: pieces.flatMap(piece => piece.logprobs)
  }
}

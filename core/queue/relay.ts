/** Passes an answer on to its sink, chunk by chunk as it comes, and reads along: limits, first byte, outcome. */
import type { RunTook } from '../jobs/runs.ts'
import type { Flow, ResponseHandler } from '../target/client.ts'
import type { Figures } from '../target/figures.ts'
import { type Outcome, type OutcomeReader, outcomeReader } from '../target/outcome.ts'
import type { AttachedCall, RunProgress } from './answer.ts'
import type { AttemptWork } from './attempt-report.ts'
import { type RecordCounter, recordCounter } from './record-counter.ts'
import type { Run } from './run.ts'
import { Watchdog } from './watchdog.ts'

/** Longest silences of the target in a run, in ms. */
export interface SilenceLimits {
  readonly firstByteMs: number
  readonly silenceMs: number
}

/** The handler of one call to the target. Breaking a limit aborts the run. */
export class Relay implements ResponseHandler {
  readonly #call: AttachedCall
  readonly #watchdog: Watchdog
  #reader: OutcomeReader | undefined
  #records: RecordCounter | undefined
  #read: { readonly figures: Figures | undefined } | undefined
  #status: number | undefined
  #firstByteAt: number | null = null
  // On a clock that never goes back.
  readonly #begunAt = performance.now()
  #firstAt: number | undefined
  #lastAt: number | undefined
  #endedAt: number | undefined

  constructor(call: AttachedCall, limits: SilenceLimits, run: Run) {
    this.#call = call
    const silence = call.inference.streams ? limits : undefined
    this.#watchdog = new Watchdog({ runMs: run.job.runTimeoutMs, ...silence }, error => run.abort(error))
  }

  /** The target's status, once it came. */
  get status(): number | undefined {
    return this.#status
  }

  /** When the first byte of the body came, ms since 1970. */
  get firstByteAt(): number | null {
    return this.#firstByteAt
  }

  /** How the answer ended; ask when it has. */
  outcome(): Outcome {
    return this.#reader?.outcome() ?? { kind: 'incomplete' }
  }

  /** What the answer took by the target's own clock, where it told; ask when it has ended. */
  took(): RunTook | undefined {
    const figures = this.#figures()
    return figures && { prefillMs: figures.promptEvalMs, generationMs: figures.generationMs }
  }

  /** How far the call is, where that can be told before its end. */
  get progress(): RunProgress | undefined {
    const inputs = this.#call.batches?.progress
    if (inputs !== undefined) return { inputs }
    const tokens = this.#records?.count
    return tokens === undefined ? undefined : { answer: { tokens, tokensPerS: this.#tokensPerS(tokens) } }
  }

  /** For how long no byte has come; 0 when the call is over. */
  get silentMs(): number {
    return this.#endedAt === undefined ? performance.now() - (this.#lastAt ?? this.#begunAt) : 0
  }

  /** What the call took, for the report of the attempt; ask when it has ended. */
  work(): AttemptWork {
    const since = (at: number | undefined) => (at === undefined ? undefined : at - this.#begunAt)
    return {
      tookMs: since(this.#endedAt ?? performance.now())!,
      streams: this.#call.inference.streams,
      firstByteMs: since(this.#firstAt),
      lastByteMs: since(this.#lastAt),
      figures: this.#figures()
    }
  }

  /** Whether the target told of a failure in an answer whose status promised none. */
  saysError(): boolean {
    return this.#status === 200 && this.outcome().kind === 'error'
  }

  /** The call is over: no limit holds any more. */
  stop(): void {
    this.#endedAt = performance.now()
    this.#watchdog.stop()
  }

  head(status: number, headers: [name: string, value: string][], flow: Flow): void {
    this.#status = status
    const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? ''
    this.#reader = outcomeReader(this.#call.inference.route.path, status, type)
    if (status === 200 && this.#call.inference.streams) this.#records = recordCounter(type)
    this.#call.sink.head(status, headers, flow)
  }

  data(chunk: Buffer): void {
    this.#firstByteAt ??= Date.now()
    this.#lastAt = performance.now()
    this.#firstAt ??= this.#lastAt
    this.#watchdog.touch()
    this.#call.sink.data(chunk)
    this.#reader?.push(chunk)
    this.#records?.push(chunk)
  }

  // Between the first and the last of them: what came before the first was not spent on them.
  #tokensPerS(tokens: number): number | null {
    const tookMs = (this.#lastAt ?? 0) - (this.#firstAt ?? 0)
    return tokens < 2 || tookMs === 0 ? null : Math.round((10_000 * (tokens - 1)) / tookMs) / 10
  }

  // Once: an answer in one piece is parsed for it.
  #figures(): Figures | undefined {
    this.#read ??= { figures: this.#reader?.figures?.() }
    return this.#read.figures
  }
}

/** Passes an answer on to its sink, chunk by chunk as it comes, and reads along: limits, first byte, outcome. */
import type { RunTook } from '../jobs/runs.ts'
import type { Flow, ResponseHandler } from '../target/client.ts'
import type { Figures } from '../target/figures.ts'
import { type Outcome, type OutcomeReader, outcomeReader } from '../target/outcome.ts'
import type { AttachedCall, Progress } from './answer.ts'
import type { AttemptWork } from './attempt-report.ts'
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

  /** How far a call is that is sent in pieces. */
  get progress(): Progress | undefined {
    return this.#call.batches?.progress
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
    this.#call.sink.head(status, headers, flow)
  }

  data(chunk: Buffer): void {
    this.#firstByteAt ??= Date.now()
    this.#lastAt = performance.now()
    this.#firstAt ??= this.#lastAt
    this.#watchdog.touch()
    this.#call.sink.data(chunk)
    this.#reader?.push(chunk)
  }

  // Once: an answer in one piece is parsed for it.
  #figures(): Figures | undefined {
    this.#read ??= { figures: this.#reader?.figures?.() }
    return this.#read.figures
  }
}

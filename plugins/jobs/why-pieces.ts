/**
 * Cuts the time that a job waited into pieces, each with its reason, by what was recorded: nothing is guessed but that
 * a moment between two things belongs to the second. The pieces follow each other and fill the whole time.
 */
import type { JobEvent } from '../../core/jobs/events.ts'
import { hasEnded, type JobState } from '../../core/jobs/states.ts'
import type { Stoppage, StoppageCause } from '../../core/queue/stoppages.ts'
import type { Span } from '../../core/queue/worker-history.ts'

/** What a job waits for. */
export type WaitKind =
  | 'behind_resident'
  | 'behind_own_model'
  | 'behind_turn'
  | 'swap'
  | 'not_before'
  | 'retry_backoff'
  | 'load_backoff'
  | 'failed_attempt'
  | 'lingering'
  | 'idle'
  | 'embed_lane'
  | 'not_recorded'
  | StoppageCause

/** Part of a wait. Times in ms since 1970. */
export interface Piece {
  readonly kind: WaitKind
  readonly from: number
  readonly to: number
  /** Whose turn or load it was. */
  readonly runner?: string
  readonly model?: string | null
  /** The job that ran. */
  readonly jobSeq?: number
  readonly attempt?: number
  /** Why an attempt failed. */
  readonly code?: string
}

/** A job's own time in one state. */
export interface Segment {
  readonly state: JobState
  readonly from: number
  readonly to: number
  readonly attempt: number
  /** Of a queued one: not before then. */
  readonly availableAt: number
  /** Why what follows is not what it wanted. */
  readonly code: string | undefined
}

/** What is known of everybody else. */
export interface Surroundings {
  readonly stoppages: readonly Stoppage[]
  /** Nothing from before is recorded. */
  readonly since: number
  /** What ran last before the segment. */
  readonly before: Pick<Span, 'runner' | 'model'> | undefined
  /** The worker's doings are not what it waited for. */
  readonly besideWorker?: boolean
}

type Emit = (piece: Piece) => void
type Reason = Omit<Piece, 'from' | 'to'>

/** Shorter gaps are the worker's own way from one thing to the next; the last one belongs to what was before it. */
const momentMs = 50

/** The segments of a job by its events; the last one lasts until `now` where the job has not ended. */
export function segmentsOf(events: readonly JobEvent[], now: number): Segment[] {
  const segments = events.map(({ type, attempt, createdAt, data }, index) => {
    const next = events[index + 1]
    const availableAt = Date.parse(String(data.available_at))
    return {
      state: type === 'job.retrying' ? 'queued' : (type.slice('job.'.length) as JobState),
      from: createdAt,
      to: Math.max(createdAt, next?.createdAt ?? now),
      attempt,
      availableAt: Number.isNaN(availableAt) ? createdAt : availableAt,
      code: next?.data.error_code as string | undefined
    }
  })
  return segments.filter(({ state }) => !hasEnded(state))
}

/** How many of the segments come before the run that counts: the last one, unless the job waits again. */
export function waitingPart(segments: readonly Segment[]): number {
  const run = segments.findLastIndex(({ state }) => state === 'working')
  const again = segments.findLastIndex(({ state }) => state === 'queued')
  return run > again ? run : segments.length
}

/** Cuts a segment of the job's own: an attempt that failed, or its load. */
export function cutOwn(segment: Segment, reason: Reason, { stoppages }: Surroundings, emit: Emit): void {
  cutOut(segment, stoppages, ['foreman_down'], emit, (from, to) => emit({ ...reason, from, to }))
}

/** Cuts the time in the queue. Give it the worker's spans in the order of time, then end it. */
export class QueuedTime {
  readonly #segment: Segment
  readonly #runner: string
  readonly #surroundings: Surroundings
  readonly #emit: Emit
  #at: number
  #last: Pick<Span, 'runner' | 'model'> | undefined
  /** Of the last piece. */
  #reason: Reason | undefined
  #swapped = false
  #loadFailed = false

  constructor(segment: Segment, runner: string, surroundings: Surroundings, emit: Emit) {
    this.#segment = segment
    this.#runner = runner
    this.#surroundings = surroundings
    this.#emit = emit
    this.#at = segment.from
    this.#last = surroundings.before
    this.#delay()
  }

  add(span: Span): void {
    if (span.from >= this.#segment.to) return
    const from = Math.max(this.#at, span.from)
    const to = Math.min(this.#segment.to, span.to)
    if (to > this.#at) {
      if (from - this.#at >= momentMs || this.#at < this.#surroundings.since) this.#gap(from)
      this.#piece(this.#reasonOf(span), to)
    }
    if (span.kind === 'swap') this.#noteSwap(span)
    this.#last = span
  }

  /** Nothing more was recorded. */
  end(): void {
    const { to } = this.#segment
    if (this.#reason !== undefined && to - this.#at < momentMs) this.#piece(this.#reason, to)
    this.#gap(to)
  }

  #delay(): void {
    const { from, to, availableAt, attempt } = this.#segment
    const until = Math.min(to, Math.max(from, availableAt))
    this.#piece({ kind: attempt === 0 ? 'not_before' : 'retry_backoff' }, until)
  }

  #noteSwap({ runner, loaded }: Span): void {
    this.#swapped = true
    if (runner === this.#runner) this.#loadFailed = !loaded
  }

  #reasonOf({ kind, runner, model, jobSeq }: Span): Reason {
    if (kind === 'swap') return { kind, runner, model }
    const job = { runner, model, ...(jobSeq !== null && { jobSeq }) }
    if (runner === this.#runner) return { kind: 'behind_own_model', ...job }
    return { kind: this.#swapped ? 'behind_turn' : 'behind_resident', ...job }
  }

  // The worker did nothing up to `to`: why not?
  #gap(to: number): void {
    const { since, stoppages } = this.#surroundings
    if (this.#at < since) this.#piece({ kind: 'not_recorded' }, Math.min(to, since))
    const time = { from: this.#at, to }
    cutOut(time, stoppages, ['foreman_down', 'paused', 'target_down'], this.#emit, (from, end) =>
      this.#emit({ ...this.#idleness(), from, to: end })
    )
    this.#at = Math.max(this.#at, to)
  }

  #idleness(): Reason {
    if (this.#surroundings.besideWorker) return { kind: 'embed_lane' }
    if (this.#loadFailed) return { kind: 'load_backoff' }
    const stays = this.#last
    if (stays === undefined || stays.runner === this.#runner) return { kind: 'idle' }
    return { kind: 'lingering', runner: stays.runner, model: stays.model }
  }

  #piece(reason: Reason, to: number): void {
    if (to <= this.#at) return
    this.#emit({ ...reason, from: this.#at, to })
    this.#reason = reason
    this.#at = to
  }
}

/** Emits what of a time the first of `causes` explains, then the next of the rest, and hands over what is left. */
function cutOut(
  { from, to }: Pick<Segment, 'from' | 'to'>,
  stoppages: readonly Stoppage[],
  [cause, ...others]: readonly StoppageCause[],
  emit: Emit,
  left: (from: number, to: number) => void
): void {
  if (from >= to) return
  if (cause === undefined) return left(from, to)
  let at = from
  for (const { cause: found, beganAt, endedAt } of stoppages) {
    const [begin, end] = [Math.max(at, beganAt), Math.min(to, endedAt ?? to)]
    if (found !== cause || begin >= end) continue
    cutOut({ from: at, to: begin }, stoppages, others, emit, left)
    emit({ kind: cause, from: begin, to: end })
    at = end
  }
  cutOut({ from: at, to }, stoppages, others, emit, left)
}

/** The text of an answer while it is written, put together from pieces that say where they belong. */
import { isEnd, isKnown, type JobEvent, type OutputPiece } from './events.ts'
import type { Job } from './types.ts'

/** A part of an answer has grown by `text`. */
export interface TextUpdate {
  type: 'text'
  channel: OutputPiece['channel']
  /** Tells calls of tools apart. */
  index: number
  /** What is new. */
  text: string
  /** All of this channel and index so far, `text` included. */
  whole: string
}

/** Everything that was given before is void, in all channels: begin with nothing. */
export interface ResetUpdate {
  type: 'reset'
}

/** What `Foreman.text` gives. */
export type AnswerUpdate = TextUpdate | ResetUpdate

/** A job has ended otherwise than `done`, so that its text is not the answer. */
export class JobNotDoneError extends Error {
  override readonly name = 'JobNotDoneError'
  readonly job: Job

  constructor(job: Job) {
    super(`${job.id} is ${job.state}${job.error ? `: ${job.error.message} (${job.error.code})` : ''}`)
    this.job = job
  }
}

/** A piece of text begins behind a hole: an event was lost. */
export class TextMissingError extends Error {
  override readonly name = 'TextMissingError'
  readonly channel: OutputPiece['channel']
  readonly index: number
  /** How many code points of this text there are, from its beginning. */
  readonly had: number
  /** Where the piece begins. */
  readonly offset: number

  constructor({ channel, index, offset }: Omit<OutputPiece, 'text'>, had: number) {
    const there = `of ${channel} ${index} there are ${had} code points`
    super(`text is missing: ${there}, and the next piece begins at ${offset}`)
    this.channel = channel
    this.index = index
    this.had = had
    this.offset = offset
  }
}

interface Part {
  channel: OutputPiece['channel']
  index: number
  whole: string
  /** Length of `whole` in code points. */
  points: number
}

/** Puts the answer together. */
export class Answer {
  #parts = new Map<string, Part>();

  /**
   * What an event changes.
   * @throws {JobNotDoneError} by the last event of a job that is not done {TextMissingError} by a piece behind a hole
   */
  *take(event: JobEvent): Generator<AnswerUpdate> {
    if (!isKnown(event)) return
    if (event.type === 'job.output' || event.type === 'job.output_snapshot') yield* this.#place(event.data)
    else if (event.type === 'job.output_reset' || event.type === 'stream.gap') yield* this.#void()
    else if (isEnd(event) && event.type !== 'job.done') throw new JobNotDoneError(event.data)
  }

  *#void(): Generator<AnswerUpdate> {
    if (this.#parts.size > 0) yield { type: 'reset' }
    this.#parts.clear()
  }

  // The rule: text[channel, index] = text[:offset] + piece.
  *#place(piece: OutputPiece): Generator<AnswerUpdate> {
    const { channel, index, offset, text } = piece
    const key = `${channel} ${index}`
    const { whole, points } = this.#parts.get(key) ?? { whole: '', points: 0 }
    if (offset < 0 || offset > points) throw new TextMissingError(piece, points)
    const kept = offset === points ? whole : [...whole].slice(0, offset).join('')
    const next = { channel, index, whole: kept + text, points: offset + [...text].length }
    this.#parts.set(key, next)
    if (next.whole.startsWith(whole)) yield* grown(next, whole.length)
    else yield* this.#anew()
  }

  // A piece has taken back what was given: all of it is said once more.
  *#anew(): Generator<AnswerUpdate> {
    yield { type: 'reset' }
    for (const part of this.#parts.values()) yield* grown(part, 0)
  }
}

function* grown({ channel, index, whole }: Part, from: number): Generator<AnswerUpdate> {
  const text = whole.slice(from)
  if (text !== '') yield { type: 'text', channel, index, text, whole }
}

/**
 * What one who follows a job has of it: applies every event as docs/http-api.md tells its readers to, and nothing else.
 * It takes no event twice and leaves none out, or says so.
 */
import assert from 'node:assert/strict'
import type { EventObject } from '../../../plugins/jobs/event-object.ts'

/** What `stream.gap` tells. */
export interface GapObject {
  readonly oldest_seq: number
  readonly snapshot_seq: number | null
}

/** The parts of an answer that are text. */
export interface Message {
  readonly content: string
  readonly thinking: string
  readonly tool_calls: readonly unknown[]
}

interface Text {
  readonly text: string
  readonly points: number
}

interface Piece {
  readonly text: string
  readonly offset: number
  readonly channel: 'content' | 'thinking' | 'tool_call'
  readonly index: number
}

const nothing: Text = { text: '', points: 0 }

/** One job as one follower knows it. */
export class Pieced {
  readonly #mayMiss: boolean
  readonly #events: EventObject[] = []
  readonly #texts = new Map<string, Text>()
  #lastSeq = 0
  #gaps = 0

  /** @param mayMiss whether events were folded up, so that not every `seq` is there */
  constructor(mayMiss = false) {
    this.#mayMiss = mayMiss
  }

  /** Every event since the last gap, or since the beginning. */
  get events(): readonly EventObject[] {
    return this.#events
  }

  /** How often something was missing. */
  get gaps(): number {
    return this.#gaps
  }

  /** `seq` of the last event that was taken. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Whether the job has ended, as far as is known. */
  get hasEnded(): boolean {
    return /^job\.(done|failed|canceled|expired)$/.test(this.#events.at(-1)?.type ?? '')
  }

  /** @throws {AssertionError} where the event came before, or another is missing before it */
  take(event: EventObject): void {
    // Told in passing, of a moment: it is not stored and comes to those who are there.
    if (event.seq === undefined) return
    const told = `${event.type} ${event.seq} behind ${this.#lastSeq}`
    assert.ok(event.seq > this.#lastSeq, `twice: ${told}`)
    if (!this.#mayMiss) assert.equal(event.seq, this.#lastSeq + 1, `left out: ${told}`)
    this.#lastSeq = event.seq
    this.#events.push(event)
    if (event.type === 'job.output') this.#apply(event.data as unknown as Piece)
    else if (event.type === 'job.output_snapshot') this.#replace(event.data as unknown as Piece)
    else if (event.type === 'job.output_reset') this.#texts.clear()
  }

  /** All text is void and comes anew. @throws {AssertionError} where nothing can be missing */
  gap(gap: GapObject): void {
    assert.ok(this.#mayMiss, `a gap where nothing was folded: ${JSON.stringify(gap)}`)
    this.#gaps += 1
    this.#texts.clear()
    this.#events.length = 0
    this.#lastSeq = gap.oldest_seq - 1
  }

  /** The answer so far. */
  message(): Message {
    const calls = [...this.#texts.keys()].filter(key => key.startsWith('tool_call '))
    return {
      content: this.#textOf('content'),
      thinking: this.#textOf('thinking'),
      tool_calls: calls.map((_, index) => JSON.parse(this.#textOf('tool_call', index)))
    }
  }

  #textOf(channel: Piece['channel'], index = 0): string {
    return (this.#texts.get(`${channel} ${index}`) ?? nothing).text
  }

  #replace({ channel, index, text, offset }: Piece): void {
    assert.equal(offset, 0)
    this.#texts.set(`${channel} ${index}`, { text, points: pointsOf(text) })
  }

  #apply({ channel, index, text, offset }: Piece): void {
    const key = `${channel} ${index}`
    const had = this.#texts.get(key) ?? nothing
    assert.ok(offset <= had.points, `a hole in ${key}: ${had.points} code points, and the next is ${offset}`)
    const before = offset === had.points ? had.text : [...had.text].slice(0, offset).join('')
    this.#texts.set(key, { text: before + text, points: offset + pointsOf(text) })
  }
}

function pointsOf(text: string): number {
  let points = 0
  for (const _ of text) points += 1
  return points
}

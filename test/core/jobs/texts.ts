/** Texts of answers, as they are written and as a follower puts them together again. */

import type { JobEvent } from '../../../core/jobs/events.ts'
import type { Job } from '../../../core/jobs/job.ts'
import { type Channel, type OutputPiece, PendingOutput } from '../../../core/jobs/output.ts'
import type { JobStore } from '../../../core/jobs/store.ts'
import fc from '../../helpers/fast-check.ts'
import type { Bench } from './fixtures.ts'

/** A text that came, and whether it was written before the next one came. */
export interface Spoken {
  readonly channel: Channel
  readonly item: number
  readonly text: string
  readonly isWritten: boolean
}

const grapheme = fc.oneof(
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
  fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
  fc.constantFrom('👩‍🚀', 'ž', '𝒳', '\u0000', '\u2028', '"\\\n')
)

/** A text of any channel. */
export const spoken: fc.Arbitrary<Spoken> = fc.record({
  channel: fc.constantFrom<Channel>('content', 'thinking', 'tool_call'),
  item: fc.constantFrom(0, 0, 1),
  text: grapheme,
  isWritten: fc.boolean()
})

/** Everything that was said, by channel and item. */
export function said(all: readonly Spoken[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const { channel, item, text } of all)
    texts[`${channel} ${item}`] = (texts[`${channel} ${item}`] ?? '') + text
  return texts
}

/** A durable job at work in its first attempt. */
export function atWork({ store, accept }: Pick<Bench, 'store' | 'accept'>): Job {
  return store.move(accept(), 'working', { attempt: 1 })
}

/** Writes the texts as an attempt would. @returns the job as it is then */
export function write(store: JobStore, job: Job, all: readonly Spoken[]): Job {
  const pending = new PendingOutput()
  let now = job
  const flush = () => {
    if (pending.pieces.length === 0) return
    now = store.addAnswer(now, { pieces: pending.pieces })
    pending.clear()
  }
  for (const { channel, item, text, isWritten } of all) {
    pending.add(channel, text, item)
    if (isWritten) flush()
  }
  flush()
  return now
}

/** Pieces of a text, each its own event. */
export function inPieces(texts: readonly string[], channel: Channel = 'content', item = 0): Spoken[] {
  return texts.map(text => ({ channel, item, text, isWritten: true }))
}

/** What a follower knows: applies each event as the contract has it. */
export class Knowledge {
  texts: Record<string, string> = {}

  apply({ type, data }: Pick<JobEvent, 'type' | 'data'>): void {
    if (type === 'job.output_reset') this.texts = {}
    if (type !== 'job.output' && type !== 'job.output_snapshot') return
    const { channel, item, start, text } = pieceOf(data)
    const key = `${channel} ${item}`
    const before = type === 'job.output_snapshot' ? '' : [...(this.texts[key] ?? '')].slice(0, start).join('')
    this.texts[key] = before + text
  }
}

/** The piece that an event tells. */
export function pieceOf(data: JobEvent['data']): OutputPiece {
  const { index, offset, ...others } = data as {
    index: number
    offset: number
    channel: Channel
    text: string
  }
  return { item: index, start: offset, ...others }
}

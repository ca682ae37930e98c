/** The text of an answer as its followers get it: in channels, piece by piece, each with the place where it belongs. */
import { isFields } from './assemble.ts'

/** `tool_call`: the JSON of one call each, told apart by its item. */
export type Channel = 'content' | 'thinking' | 'tool_call'

/** A piece of text. */
export interface OutputPiece {
  readonly channel: Channel
  /** Which call, counted from 0; 0 in the other channels. */
  readonly item: number
  /** Unicode code points of its channel and item before it. */
  readonly start: number
  readonly text: string
}

/** A piece of an answer to be kept byte for byte. */
export interface KeptPiece {
  /** Bytes before it. */
  readonly start: number
  readonly bytes: Buffer
  /** Set where the target has ended the answer in order: nothing comes behind it. */
  readonly isLast?: boolean
}

/** The head of an answer that is kept byte for byte. */
export interface KeptHead {
  readonly status: number
  readonly contentType: string
}

/** What came of a running answer since it was last written. */
export interface AnswerPart {
  readonly pieces: readonly OutputPiece[]
  /** Once, with the first bytes or before them. */
  readonly head?: KeptHead
  readonly kept?: KeptPiece
}

/** Where the parts of an answer go as they come. */
export interface AnswerTaker {
  /** The next text of a channel. */
  text(channel: Channel, text: string, item?: number): void
  /** The head of an answer of which every byte is kept. */
  head(head: KeptHead): void
  /** Its next bytes. */
  bytes(chunk: Buffer): void
}

/** Longest text of one piece, in UTF-16 units: no event is large, however fast the answer comes. */
export const longestPiece = 16 * 1024

type Fields = Readonly<Record<string, unknown>>

/**
 * Hands the texts of one record of a native answer to `take`, in the order in which the target fills them.
 * Source: ollama/ollama api/types.go, `GenerateResponse` and `Message`.
 * @param calls tool calls before this record
 * @returns tool calls up to its end
 */
export function takeTexts(record: Fields, calls: number, take: AnswerTaker['text']): number {
  const from: Fields = isFields(record.message) ? record.message : record
  takeText(from.thinking, text => take('thinking', text))
  takeText(from.content ?? from.response, text => take('content', text))
  if (!Array.isArray(from.tool_calls)) return calls
  for (const [index, call] of from.tool_calls.entries())
    take('tool_call', JSON.stringify(call), calls + index)
  return calls + from.tool_calls.length
}

function takeText(value: unknown, take: (text: string) => void): void {
  if (typeof value === 'string' && value !== '') take(value)
}

/** The text that has come and is not written yet, cut into pieces. */
export class PendingOutput {
  readonly #before = new Map<string, number>()
  #pieces: { channel: Channel; item: number; start: number; text: string }[] = []
  #length = 0

  /** UTF-16 units that wait. */
  get length(): number {
    return this.#length
  }

  get pieces(): readonly OutputPiece[] {
    return this.#pieces
  }

  /** Adds the next text of a channel to its last piece, or to new ones. */
  add(channel: Channel, text: string, item: number): void {
    this.#length += text.length
    for (let rest = text; rest !== ''; ) {
      const last = this.#pieces.at(-1)
      const joins = last?.channel === channel && last.item === item && last.text.length < longestPiece
      const cut = cutAt(rest, longestPiece - (joins ? last.text.length : 0))
      const piece = rest.slice(0, cut)
      rest = rest.slice(cut)
      const key = `${channel} ${item}`
      const start = this.#before.get(key) ?? 0
      this.#before.set(key, start + codePoints(piece))
      if (joins) last.text += piece
      else this.#pieces.push({ channel, item, start, text: piece })
    }
  }

  /** They are written. */
  clear(): void {
    this.#pieces = []
    this.#length = 0
  }
}

/** Not between the halves of a pair. */
function cutAt(text: string, at: number): number {
  if (at >= text.length) return text.length
  const unit = text.charCodeAt(at)
  const isSecondHalf = unit >= 0xdc00 && unit <= 0xdfff
  return isSecondHalf ? at + 1 : at
}

/** Counts Unicode code points. */
export function codePoints(text: string): number {
  let count = text.length
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    // The second half of a pair whose first half is before it.
    if (unit >= 0xdc00 && unit <= 0xdfff && isFirstHalf(text.charCodeAt(at - 1))) count -= 1
  }
  return count
}

function isFirstHalf(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/**
 * Puts the records of a streamed native answer together into the one object that the same call gives without
 * streaming: text, thinking, tool calls and logprobs joined, everything else from the last record that has it.
 *
 * An answer that broke off keeps the `done: false` of its last record; that is its mark.
 */
import { type Usage, usageOf } from './usage.ts'

type Fields = Record<string, unknown>

const newline = 0x0a
const joinedText = ['response', 'content', 'thinking']
const joinedLists = ['logprobs', 'tool_calls']

/** Takes the bytes of one answer in any cut; gives the assembled object at any time. */
export class AnswerAssembler {
  /** The pieces of a line that has not ended. */
  #line: Buffer[] = []
  #answer: Fields | undefined
  #records = 0
  readonly #onRecord: ((record: Fields) => void) | undefined

  /** @param onRecord told of each record of the answer, in their order */
  constructor(onRecord?: (record: Fields) => void) {
    this.#onRecord = onRecord
  }

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#line.push(chunk.subarray(start, end))
      this.#takeLine()
      this.#line = []
      start = end + 1
    }
    if (start < chunk.length) this.#line.push(chunk.subarray(start))
  }

  /** One line of JSON, or nothing where no record came. */
  assembled(): Buffer | undefined {
    this.#takeRest()
    return this.#answer && Buffer.from(JSON.stringify(this.#answer))
  }

  /** What the answer took so far, or nothing where no record came. */
  usage(): Usage | undefined {
    this.#takeRest()
    return this.#answer && usageOf(this.#answer, this.#records)
  }

  // A line that has not ended is a whole record already, or the beginning of one that is still to come.
  #takeRest(): void {
    if (this.#takeLine()) this.#line = []
  }

  /** @returns whether the line is a record */
  #takeLine(): boolean {
    const record = parseRecord(Buffer.concat(this.#line).toString())
    if (record === undefined) return false
    if (record.error !== undefined) return true
    this.#answer = join(this.#answer ?? {}, record)
    this.#records += 1
    this.#onRecord?.(record)
    return true
  }
}

function join(sofar: Fields, next: Fields): Fields {
  const joined: Fields = { ...sofar, ...next }
  for (const name of joinedText) {
    if (typeof sofar[name] === 'string')
      joined[name] = sofar[name] + (typeof next[name] === 'string' ? next[name] : '')
  }
  for (const name of joinedLists) {
    // In place: an answer may have a logprob for each of very many tokens.
    if (Array.isArray(sofar[name])) joined[name] = append(sofar[name], next[name])
  }
  if (isFields(sofar.message) && isFields(next.message)) joined.message = join(sofar.message, next.message)
  return joined
}

function append(list: unknown[], more: unknown): unknown[] {
  if (Array.isArray(more)) for (const item of more) list.push(item)
  return list
}

/** A broken line is the end of an answer that was cut off. */
function parseRecord(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether it is an object that has members by name. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

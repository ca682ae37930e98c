/**
 * Puts the records of a streamed native answer together into the one object that the same call gives without
 * streaming: text, thinking, tool calls and logprobs joined, everything else from the last record that has it.
 *
 * An answer that broke off keeps the `done: false` of its last record; that is its mark.
 */

type Fields = Record<string, unknown>

const newline = 0x0a
const joinedText = ['response', 'content', 'thinking']
const joinedLists = ['logprobs', 'tool_calls']

/** Takes the bytes of one answer in any cut; gives the assembled object at any time. */
export class AnswerAssembler {
  #rest: Buffer = Buffer.alloc(0)
  #answer: Fields | undefined

  push(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
      this.#add(rest.subarray(0, end).toString())
      rest = rest.subarray(end + 1)
    }
    this.#rest = rest
  }

  /** One line of JSON, or nothing where no record came. */
  assembled(): Buffer | undefined {
    this.#add(this.#rest.toString())
    this.#rest = Buffer.alloc(0)
    return this.#answer && Buffer.from(JSON.stringify(this.#answer))
  }

  #add(line: string): void {
    const record = parseRecord(line)
    if (record !== undefined && record.error === undefined) this.#answer = join(this.#answer ?? {}, record)
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

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Keeps an answer for the store: a native one in the shape of a call that does not stream, any other as it came. */
import type { Output } from '../jobs/artifacts.ts'
import { AnswerAssembler } from '../jobs/assemble.ts'
import { type AnswerTaker, takeTexts } from '../jobs/output.ts'
import type { Usage } from '../jobs/usage.ts'
import { type HeaderField, headerValue } from '../target/headers.ts'
import type { AnswerSink } from './answer.ts'

const jsonType = 'application/json'
/** What the other surfaces answer in. Anything else is kept without saying what it is. */
const knownTypes = [jsonType, 'text/event-stream']

/** A sink without a listener. */
export class Recording implements AnswerSink {
  readonly #assembler: AnswerAssembler | undefined
  readonly #chunks: Buffer[] = []
  #status = 0
  #contentType = jsonType
  #taker: AnswerTaker | undefined
  #calls = 0

  /** @param native whether the answer comes in records that can be joined, as on the native routes alone */
  constructor(native: boolean) {
    this.#assembler = native ? new AnswerAssembler(record => this.#take(record)) : undefined
  }

  /** Its texts, where they can be told. */
  writeTo(taker: AnswerTaker): void {
    this.#taker = taker
  }

  head(status: number, headers: HeaderField[]): void {
    this.#status = status
    if (this.#assembler === undefined) this.#contentType = typeOf(headers)
  }

  data(chunk: Buffer): void {
    if (this.#assembler === undefined) this.#chunks.push(chunk)
    else this.#assembler.push(chunk)
  }

  end(): void {}

  fail(): void {}

  kept(): Output | undefined {
    if (this.#status !== 200) return undefined
    const content = this.#assembler === undefined ? Buffer.concat(this.#chunks) : this.#assembler.assembled()
    return content && { contentType: this.#contentType, content }
  }

  #take(record: Readonly<Record<string, unknown>>): void {
    const taker = this.#taker
    if (taker === undefined || this.#status !== 200) return
    this.#calls = takeTexts(record, this.#calls, (channel, text, item) => taker.text(channel, text, item))
  }

  usage(): Usage | undefined {
    return this.#status === 200 ? this.#assembler?.usage() : undefined
  }
}

function typeOf(headers: HeaderField[]): string {
  const type = (headerValue(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  return knownTypes.find(known => known === type) ?? 'application/octet-stream'
}

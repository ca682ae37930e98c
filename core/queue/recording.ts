/** Keeps an answer for the store: a native one in the shape of a call that does not stream, any other as it came. */
import { AnswerAssembler } from '../jobs/assemble.ts'
import type { Usage } from '../jobs/usage.ts'
import type { AnswerSink } from './answer.ts'

/** A sink without a listener. */
export class Recording implements AnswerSink {
  readonly #assembler: AnswerAssembler | undefined
  readonly #chunks: Buffer[] = []
  #status = 0

  /** @param native whether the answer comes in records that can be joined, as on the native routes alone */
  constructor(native: boolean) {
    this.#assembler = native ? new AnswerAssembler() : undefined
  }

  head(status: number): void {
    this.#status = status
  }

  data(chunk: Buffer): void {
    if (this.#assembler === undefined) this.#chunks.push(chunk)
    else this.#assembler.push(chunk)
  }

  end(): void {}

  fail(): void {}

  kept(): Buffer | undefined {
    if (this.#status !== 200) return undefined
    return this.#assembler === undefined ? Buffer.concat(this.#chunks) : this.#assembler.assembled()
  }

  usage(): Usage | undefined {
    return this.#status === 200 ? this.#assembler?.usage() : undefined
  }
}

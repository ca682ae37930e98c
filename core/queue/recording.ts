/** Keeps an answer for the store, in the shape of a call that does not stream. */
import { AnswerAssembler } from '../jobs/assemble.ts'
import type { AnswerSink } from './answer.ts'

/** A sink without a listener. */
export class Recording implements AnswerSink {
  readonly #assembler = new AnswerAssembler()
  #status = 0

  head(status: number): void {
    this.#status = status
  }

  data(chunk: Buffer): void {
    this.#assembler.push(chunk)
  }

  end(): void {}

  fail(): void {}

  kept(): Buffer | undefined {
    return this.#status === 200 ? this.#assembler.assembled() : undefined
  }
}

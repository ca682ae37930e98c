/** The version of the target, as it told it last. A new one means that another server stands there now: nothing it had in memory is left. */
import { EventEmitter } from 'node:events'
import { record, text } from './loose-json.ts'

interface VersionEvents {
  /** It is another one than before. Not for the first that is ever known. */
  changed: [to: string, from: string]
}

/** Is told every answer of `/api/version`, and remembers. */
export class TargetVersion extends EventEmitter<VersionEvents> {
  #current: string | undefined

  /** @param known as an earlier run of foreman knew it */
  constructor(known?: string) {
    super()
    this.#current = known
  }

  /** Undefined until the target told it. */
  get current(): string | undefined {
    return this.#current
  }

  /** Takes note of an answer of `GET /api/version`; one without a version says nothing. */
  note(answer: unknown): void {
    const from = this.#current
    const to = text(record(answer).version)
    if (to === '' || to === from) return
    this.#current = to
    if (from !== undefined) this.emit('changed', to, from)
  }
}

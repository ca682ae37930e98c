/** Last words of calls that are cut because their token is over: a stream says so before its connection ends. */
import type { ServerResponse } from 'node:http'

/** By their responses, for as long as those are there. */
export class Farewells {
  readonly #words = new WeakMap<ServerResponse, () => void>()

  /** From now on `say` is called before the call is cut. It ends the connection itself, or it is cut soon after. */
  add(raw: ServerResponse, say: () => void): void {
    this.#words.set(raw, say)
  }

  /** Cuts a call; at once where it has nothing to say, or has said it. */
  cut(raw: ServerResponse): void {
    const say = this.#words.get(raw)
    this.#words.delete(raw)
    if (say === undefined) raw.destroy()
    else say()
  }
}

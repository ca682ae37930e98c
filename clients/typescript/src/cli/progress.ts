/** How far a run is, on stderr: a bar on a terminal, a line now and then elsewhere. */

/** Where to tell it. */
export type Out = Pick<NodeJS.WriteStream, 'isTTY' | 'write' | 'columns'>

const barWidth = 30
const redrawMs = 100
/** Elsewhere than on a terminal: so many lines for all of it. */
const plainLines = 10

/** Counts what has ended. */
export class Progress {
  readonly #total: number
  readonly #out: Out
  readonly #begunMs = performance.now()
  readonly #before: number
  #done: number
  #failed = 0
  #drawnMs = 0
  #away = false

  /** `done` of `total` were there before. */
  constructor(total: number, done: number, out: Out = process.stderr) {
    this.#total = total
    this.#before = done
    this.#done = done
    this.#out = out
  }

  /** How many have not become `done`. */
  get failed(): number {
    return this.#failed
  }

  /** One more has ended. */
  ended(isDone: boolean): void {
    this.#done += 1
    if (!isDone) this.#failed += 1
    this.back()
    this.#draw()
  }

  /** Foreman is away, or has no room. Told once, until it is back. */
  away(why: string): void {
    if (!this.#away) this.say(`${why}: trying again`)
    this.#away = true
  }

  /** Foreman has answered. */
  back(): void {
    if (this.#away) this.say('foreman is back')
    this.#away = false
  }

  /** A line of its own. */
  say(text: string): void {
    this.#out.write(`${this.#out.isTTY ? '\r\x1b[K' : ''}${text}\n`)
    this.#drawnMs = 0
  }

  /** The last word. */
  end(): void {
    this.#drawnMs = 0
    if (this.#out.isTTY) this.#out.write(`\r\x1b[K${this.#line()}\n`)
  }

  #draw(): void {
    if (!this.#out.isTTY) {
      const step = Math.max(1, Math.ceil(this.#total / plainLines))
      if (this.#done % step === 0 || this.#done === this.#total) this.say(this.#counts())
      return
    }
    const now = performance.now()
    if (now - this.#drawnMs < redrawMs) return
    this.#drawnMs = now
    this.#out.write(`\r\x1b[K${this.#line()}`)
  }

  #line(): string {
    const full = Math.round((this.#done / Math.max(1, this.#total)) * barWidth)
    const bar = `[${'#'.repeat(full)}${' '.repeat(barWidth - full)}]`
    return `${bar} ${this.#counts()}${this.#pace()}`.slice(0, (this.#out.columns || 80) - 1)
  }

  #counts(): string {
    return `${this.#done}/${this.#total}${this.#failed > 0 ? `, ${this.#failed} not done` : ''}`
  }

  #pace(): string {
    const here = this.#done - this.#before
    if (here === 0) return ''
    const eachS = (performance.now() - this.#begunMs) / 1000 / here
    return `, ${(1 / eachS).toFixed(1)}/s, ${Math.round(eachS * (this.#total - this.#done))} s left`
  }
}

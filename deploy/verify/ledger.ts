/** Jobs handed in before something breaks, to be counted after it: none lost, none ended twice. */
import assert from 'node:assert/strict'
import type { Foreman, JobEvent } from './foreman.ts'

/** Both fit into the target's memory at once. */
const models = ['llama3.2', 'gemma3:4b']
const ends = ['job.done', 'job.failed', 'job.canceled', 'job.expired']

/** The jobs of one trial. */
export class Ledger {
  readonly #ids: string[] = []

  /**
   * Hands in a long job, waits until it computes, and hands in `waiting` short ones behind it.
   * @param tokens of the long one, 20 ms each
   */
  static async open(foreman: Foreman, waiting: number, tokens = 250): Promise<Ledger> {
    const ledger = new Ledger()
    const long = await foreman.handIn({ model: models[0]!, prompt: 'a long one', tokens })
    ledger.#ids.push(long)
    await foreman.working(long)
    for (let n = 0; n < waiting; n++) {
      ledger.#ids.push(await foreman.handIn({ model: models[n % 2]!, prompt: `number ${n}`, tokens: 3 }))
    }
    return ledger
  }

  /** Takes jobs in that were handed in elsewhere; the first is the one that computed. */
  static of(ids: readonly string[]): Ledger {
    const ledger = new Ledger()
    ledger.#ids.push(...ids)
    return ledger
  }

  get size(): number {
    return this.#ids.length
  }

  get ids(): readonly string[] {
    return this.#ids
  }

  /** The job that was handed in first. */
  get first(): string {
    return this.#ids[0]!
  }

  /** What computed was cut and runs again: two attempts. Every job ends once, with its answer; the others at the first attempt. */
  async settle(foreman: Foreman): Promise<void> {
    for (const id of this.#ids) {
      const job = await foreman.ended(id)
      assert.equal(job.state, 'done', `${id} is ${job.state}`)
      assert.ok(job.result?.response, `${id} has an answer`)
      const events = await foreman.events(id)
      assertOneEnd(id, events)
      assert.equal(job.attempt, id === this.first ? 2 : 1, `attempts of ${id}`)
    }
  }
}

function assertOneEnd(id: string, events: readonly JobEvent[]): void {
  assert.equal(events.filter(({ type }) => ends.includes(type)).length, 1, `ends of ${id}`)
  const numbers = events.map(({ seq }) => seq)
  assert.deepEqual(
    numbers,
    numbers.map((_, at) => at + 1),
    `events of ${id} have no gap`
  )
}

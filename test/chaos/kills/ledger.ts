/** What foreman has promised its callers, written down as they heard it. Every contradiction is an error at once. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { hasEnded } from '../../../core/jobs/states.ts'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'

/** One for all callers of a life. */
export class Ledger {
  /** Ids that came with a 2xx of `POST /jobs`. */
  readonly accepted = new Set<string>()
  /** Jobs whose cancel was acknowledged before they had ended. */
  readonly canceled = new Set<string>()
  /** Jobs whose delete was sent, which may have come too early; `true` once it was acknowledged. */
  readonly deleted = new Map<string, boolean>()
  /** Ids of uploads that were acknowledged. */
  readonly uploaded = new Set<string>()
  /** Ids of uploads of which somebody has asked the removal. */
  readonly uploadsRemoved = new Set<string>()
  /** Digests of files that were looked at and are whole. */
  readonly wholeFiles = new Set<string>()
  readonly #jobOfKey = new Map<string, string>()
  readonly #ends = new Map<string, string>()

  /** A job was acknowledged. @throws {AssertionError} where its key has made another before */
  acknowledge(id: string, key: string | undefined): void {
    this.accepted.add(id)
    if (key === undefined) return
    const known = this.#jobOfKey.get(key)
    assert.ok(known === undefined || known === id, `key ${key} made ${known} and ${id}`)
    this.#jobOfKey.set(key, id)
  }

  /** A cancel was answered with the job as it is then. */
  acknowledgeCancel({ id, state }: JobObject): void {
    if (state === 'canceling' || state === 'canceled') this.canceled.add(id)
    else assert.ok(hasEnded(state), `${id} is ${state} after its cancel`)
  }

  /** A job was seen; one that has ended must look the same for ever. @throws {AssertionError} */
  see(id: string, state: JobObject['state'], all: string, through: string): void {
    if (this.canceled.has(id)) assert.match(state, /^cancel/, `${id} was canceled`)
    if (hasEnded(state))
      this.#keepEnd(id, `${state} ${createHash('sha256').update(all).digest('hex')}`, through)
    else assert.ok(!this.#hasSeenEnd(id), `${id} had ended and is ${state} in ${through}`)
  }

  /** Ids that must be there, whatever happens. */
  get kept(): string[] {
    return [...this.accepted].filter(id => !this.deleted.has(id))
  }

  /** Ids of uploads that must be there. */
  get keptUploads(): string[] {
    return [...this.uploaded].filter(id => !this.uploadsRemoved.has(id))
  }

  #keepEnd(id: string, print: string, through: string): void {
    const place = `${through} ${id}`
    assert.equal(this.#ends.get(place) ?? print, print, `${id} changed after its end, told by ${through}`)
    this.#ends.set(place, print)
  }

  #hasSeenEnd(id: string): boolean {
    return this.#ends.has(`http ${id}`) || this.#ends.has(`store ${id}`)
  }
}

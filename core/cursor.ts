/** Cursors: where a page of a list ended, signed, so that only foreman makes them and only for one caller. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secrets } from './database/secret.ts'
import { InvalidCursorError } from './errors.ts'

const keyName = 'cursor'
const seqBytes = 8
const macBytes = 16
const pattern = /^[\w-]{32}$/

/**
 * Makes and reads cursors with a key that is kept in the store, so that they outlive a restart. `owner`: whoever may use
 * one, and the list that it is of where that is not the list of jobs.
 */
export class Cursors {
  readonly #key: Buffer

  constructor(secrets: Secrets) {
    this.#key = secrets.make(keyName)
  }

  /** The cursor for what comes after the row with this `seq`. */
  write(seq: number, owner: string): string {
    const place = Buffer.alloc(seqBytes)
    place.writeBigUInt64BE(BigInt(seq))
    return Buffer.concat([place, this.#mac(place, owner)]).toString('base64url')
  }

  /** The `seq` in a cursor. @throws {InvalidCursorError} */
  read(cursor: string, owner: string): number {
    if (!pattern.test(cursor)) throw new InvalidCursorError()
    const bytes = Buffer.from(cursor, 'base64url')
    const place = bytes.subarray(0, seqBytes)
    if (!timingSafeEqual(bytes.subarray(seqBytes), this.#mac(place, owner))) throw new InvalidCursorError()
    return Number(place.readBigUInt64BE())
  }

  #mac(place: Buffer, owner: string): Buffer {
    return createHmac('sha256', this.#key).update(place).update(owner).digest().subarray(0, macBytes)
  }
}

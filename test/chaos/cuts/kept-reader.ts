/** Fetches the kept answer of a call, `GET /jobs/{id}/stream?offset=N`: as many bytes as it has are never asked for again. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { CutSocket, type Manner } from './cut-socket.ts'
import type { Visitor } from './reader.ts'

/** One who fetches one answer over any number of connections. */
export class KeptReader implements Visitor {
  isOver = false
  readonly #base: string
  readonly #jobId: string
  readonly #chunks: Buffer[] = []
  #length = 0

  /** @param had the beginning, where it came by the call itself */
  constructor(base: string, jobId: string, had: Buffer = Buffer.alloc(0)) {
    this.#base = base
    this.#jobId = jobId
    this.#keep(had)
  }

  /** All bytes so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Reads on until the connection is over. @returns bytes that came, those of the head included */
  visit(manner?: Manner): Promise<number> {
    const url = new URL(`/jobs/${this.#jobId}/stream?offset=${this.#length}`, this.#base)
    const socket = new CutSocket(url, manner)
    return new Promise((resolve, reject) => {
      const asked = request(url, { createConnection: () => socket })
      asked.on('response', answer => {
        if (answer.statusCode !== 200) reject(new assert.AssertionError({ message: `${answer.statusCode}` }))
        answer.on('data', chunk => this.#keep(chunk))
        answer.on('error', () => {})
        answer.on('end', () => {
          this.isOver = answer.complete
        })
      })
      asked.on('error', () => {})
      asked.on('close', () => resolve(socket.bytes))
      asked.end()
    })
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }
}

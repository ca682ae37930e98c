/**
 * The requests as they came in, byte for byte up to a limit.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FakeConfig } from '../config.ts'

/** One request as received. */
export interface RequestRecord {
  /** Counts from 1. */
  request: number
  /** Counts the TCP connections from 1, to tell which requests shared one. */
  connection: number
  /** Monotonic ms since the fake started. */
  at_ms: number
  method: string
  url: string
  http_version: string
  /** Name, value, name, value ... with case and order as sent. */
  headers: string[]
  body_size_bytes: number
  /** The first `body_log_bytes` of the body. */
  body_base64: string
  /** Of the whole body, hex. */
  body_sha256: string
  /** Status of the answer, once it has begun. */
  status?: number
  /** How it ended, once it has. */
  outcome?: 'answered' | 'client_gone'
}

interface Entry {
  number: number
  connection: number
  atMs: number
  request: IncomingMessage
  body: Buffer
  sizeBytes: number
  sha256?: string
  status?: number
  outcome?: 'answered' | 'client_gone'
}

/** A ring of requests, with an exact count of all there ever were. */
export class RequestLog {
  readonly #config: () => FakeConfig
  #entries: Entry[] = []
  #count = 0

  constructor(config: () => FakeConfig) {
    this.#config = config
  }

  get count(): number {
    return this.#count
  }

  /** Remembers a request whose body has not been read yet, and numbers it. */
  add(request: IncomingMessage, connection: number): Entry {
    const entry = {
      number: ++this.#count,
      connection,
      atMs: performance.now(),
      request,
      body: EMPTY,
      sizeBytes: 0
    }
    this.#entries.push(entry)
    const limit = this.#config().request_log_limit
    if (this.#entries.length > 2 * limit) this.#entries = this.#entries.slice(-limit)
    return entry
  }

  /** Adds the body, cut to the limit, to a remembered request. */
  addBody(entry: Entry, body: Buffer): void {
    entry.sizeBytes = body.length
    const limit = this.#config().body_log_bytes
    if (body.length > limit) {
      entry.sha256 = sha256(body)
      entry.body = Buffer.from(body.subarray(0, limit))
    } else entry.body = body
  }

  /** The remembered requests, oldest first. */
  records(): RequestRecord[] {
    return this.#entries.slice(-this.#config().request_log_limit).map(record)
  }
}

const EMPTY = Buffer.alloc(0)

function record(entry: Entry): RequestRecord {
  const { request } = entry
  return {
    request: entry.number,
    connection: entry.connection,
    at_ms: entry.atMs,
    method: request.method ?? '',
    url: request.url ?? '',
    http_version: request.httpVersion,
    headers: request.rawHeaders,
    body_size_bytes: entry.sizeBytes,
    body_base64: entry.body.toString('base64'),
    body_sha256: entry.sha256 ?? sha256(entry.body),
    status: entry.status,
    outcome: entry.outcome
  }
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

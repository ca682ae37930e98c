/**
 * One request on its way through the fake, with what every route needs.
 */
import type { IncomingMessage } from 'node:http'
import type { World } from '../control/world.ts'
import { cutFaultSuffix, type Faults, takeFaults } from '../faults.ts'
import { type Decoder, decodeGo } from '../go/json-decode.ts'
import { GoEofError, parseGoJson } from '../go/json-parse.ts'
import { goStringify } from '../go/json-write.ts'
import { nowMs } from '../go/time.ts'
import { JSON_UTF8, type Wire } from './wire.ts'

/** A refusal with its status and the exact text of `error`. */
export class HttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A refusal that has the native shape on whatever route. */
export class NativeShapeError extends Error {
  override readonly cause: HttpError

  constructor(cause: HttpError) {
    super(cause.message)
    this.cause = cause
  }
}

/** One request. It is a user of the scheduler too. */
export class Call {
  readonly world: World
  readonly number: number
  readonly request: IncomingMessage
  readonly path: string
  readonly wire: Wire
  readonly faults: Faults
  readonly params: Record<string, string> = {}
  readonly controller = new AbortController()
  readonly startedMs = nowMs()
  body: Buffer = Buffer.alloc(0)

  constructor(init: Pick<Call, 'world' | 'number' | 'request' | 'path' | 'wire' | 'faults'>) {
    this.world = init.world
    this.number = init.number
    this.request = init.request
    this.path = init.path
    this.wire = init.wire
    this.faults = init.faults
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** The body as `decoder` reads it. @throws {HttpError} 400 with Go's wording; `empty` is said of no body at all. */
  read<T>(decoder: Decoder<T>, empty = 'missing request body'): T {
    try {
      return decodeGo(decoder, parseGoJson(this.body.toString()))
    } catch (error) {
      throw new HttpError(400, error instanceof GoEofError ? empty : (error as Error).message)
    }
  }

  /** A complete answer in JSON, as gin's `c.JSON` writes it. */
  json(status: number, value: unknown): void {
    this.wire.reply(status, JSON_UTF8, goStringify(value))
  }

  /** Finds the faults meant for this model, and the name without its fault suffix. */
  meet(model: string): string {
    const { config } = this.world
    const cut = cutFaultSuffix(model)
    this.faults.add(cut.fault, ...takeFaults(config.faults, this.path, model))
    return cut.fault === undefined ? model : cut.name
  }
}

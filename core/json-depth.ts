/** Bounds how deep the JSON is that foreman reads for itself. What it only passes on is the target's to judge. */
import type { FastifyInstance } from 'fastify'
import { faultAt } from './errors.ts'

const quote = 0x22
const backslash = 0x5c
const openers: ReadonlySet<number | undefined> = new Set(Buffer.from('[{'))
const closers: ReadonlySet<number | undefined> = new Set(Buffer.from(']}'))

/** Whether containers stand in one another more than `limit` deep. Of a text that is no JSON it says anything. */
export function isDeeperThan(json: Buffer, limit: number): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (inString && byte === backslash) at += 1
    else if (byte === quote) inString = !inString
    else if (!inString && closers.has(byte)) depth -= 1
    else if (!inString && openers.has(byte)) {
      depth += 1
      if (depth > limit) return true
    }
  }
  return false
}

/** @throws {ValidationFailedError} for JSON that is deeper; `pointer` leads to it, `around` counts what it stands in */
export function checkDepth(json: Buffer, limit: number, pointer = '', around = 0): void {
  if (!isDeeperThan(json, limit - around)) return
  throw faultAt(pointer, `is nested deeper than ${limit} (limits.json_depth)`)
}

/** From here on the JSON bodies of routes that do not read them by themselves are bounded. */
export function boundJson(app: FastifyInstance, limit: number): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      checkDepth(body, limit)
    } catch (err) {
      done(err as Error)
      return
    }
    parse(request, body.toString(), done)
  })
}

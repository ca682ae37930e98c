/** What a fake noted of the requests it got, over all its lives, read from its file of events. */
import { readFileSync } from 'node:fs'

/** One request as the fake saw it. Times in ms since 1970. */
export interface Seen {
  readonly at: number
  /** Method and path. */
  readonly what: string
  /** Parsed, where a body came whole. */
  body?: Record<string, unknown>
  /** Whether its answer was written to the end. */
  answered: boolean
}

interface Line {
  readonly type: string
  readonly request?: number
  readonly detail?: string
  readonly at: number
}

/** Every request, in the order in which they came in. */
export function readRecord(file: string): Seen[] {
  const all: Seen[] = []
  let life = new Map<number, Seen>()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue
    const { type, request, detail, at } = JSON.parse(line) as Line
    if (request === undefined) continue
    if (type === 'request') {
      // Each life counts its requests from 1.
      if (request === 1) life = new Map()
      const seen = { at, what: detail!, answered: false }
      life.set(request, seen)
      all.push(seen)
    }
    const seen = life.get(request)!
    if (type === 'body' && detail !== '') seen.body = JSON.parse(detail!)
    if (type === 'response_end') seen.answered = true
  }
  return all
}

/** What a row of the differential tables says. */
import type { RawRequest } from './raw-client.ts'

/** A request that is made directly and through foreman. */
export interface Case extends RawRequest {
  /** Says what is special about it. */
  readonly name: string
  /** What the target answers, so that no row compares two accidents. */
  readonly status: number
  /** foreman answers in the target's words, without asking it. */
  readonly local?: true
}

/** A POST of JSON. */
export function post(path: string, body: unknown, rest: Omit<Case, 'method' | 'path' | 'body'>): Case {
  const fields = [['Content-Type', 'application/json'] as const, ...(rest.fields ?? [])]
  return { method: 'POST', path, body: JSON.stringify(body), ...rest, fields }
}

/** The field that makes the target fail in one way. */
export function fault(kind: string, more: object = {}): readonly [name: string, value: string] {
  return ['X-Fake-Fault', JSON.stringify({ kind, ...more })]
}

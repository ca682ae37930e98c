/** The lines of a file as jobs, each with a key of its own that is the same at every run. */
import { createHash } from 'node:crypto'
import type { NewJobLine } from '../index.ts'
import { UsageError } from './options.ts'

/** One line. */
export interface Prompt {
  /** Its number in the file, from 1. */
  readonly line: number
  /** Its idempotency key. */
  readonly key: string
  readonly job: NewJobLine
}

/** What holds for lines that do not say otherwise. */
export interface Defaults {
  readonly model: string | undefined
  readonly priority: string
}

type Body = Record<string, unknown>

/** Reads a file; blank lines are skipped. @throws {UsageError} with the number of a line that is wrong */
export function readPrompts(text: string, defaults: Defaults): Prompt[] {
  const digest = digestOf(text)
  return text.split(/\r?\n/).flatMap((one, at) => {
    if (one.trim() === '') return []
    const line = at + 1
    const body = bodyOf(one, line, defaults)
    // Other options make other jobs, and the same key with another body would be refused.
    const made = `foreman-jobs:${digest}:${line}:${digestOf(JSON.stringify(body))}`
    const key = typeof body.idempotency_key === 'string' ? body.idempotency_key : made
    return [{ line, key, job: { ...body, idempotency_key: key } as NewJobLine }]
  })
}

function bodyOf(text: string, line: number, { model, priority }: Defaults): Body {
  const value = parsed(text, line)
  const given: Body = typeof value === 'string' ? { prompt: value } : { ...value }
  if (typeof given.request === 'object') return { priority, ...given }
  const body = { ...(model !== undefined && { model }), priority, ...given }
  if (!('model' in body)) throw new UsageError(`line ${line} names no model, and --model is not given`)
  return body
}

function parsed(text: string, line: number): string | Body {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'string') return value
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Body
  } catch {
    // Told below.
  }
  throw new UsageError(`line ${line} is neither a text nor an object in JSON`)
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

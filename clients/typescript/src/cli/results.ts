/** The file of results: a line for each job that has ended, and never two with one key. */
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { Foreman, Job } from '../index.ts'
import { UsageError } from './options.ts'
import type { Prompt } from './prompts.ts'

/** A line of the file. */
export interface Result {
  /** The number of the line that it answers. */
  readonly line: number
  readonly key: string
  readonly job_id: string
  readonly state: Job['state']
  /** The text of the answer; null where it has none. */
  readonly text: string | null
  /** The target's whole answer. */
  readonly result: unknown
  readonly error: Job['error']
}

/** An open file of results. */
export class ResultsFile {
  /** Keys of what it had when it was opened. */
  readonly keys: ReadonlySet<string>
  readonly #fd: number

  /** Opens it to go on behind its last whole line. @throws {UsageError} where it is something else */
  constructor(path: string) {
    const text = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    const whole = text.subarray(0, text.lastIndexOf(0x0a) + 1)
    this.keys = keysIn(whole.toString(), path)
    this.#fd = openSync(path, 'a')
    // Whoever wrote half a line was killed; that result is asked for again.
    if (whole.length < text.length) ftruncateSync(this.#fd, whole.length)
  }

  /** Adds one, in one write. */
  add(result: Result): void {
    writeSync(this.#fd, `${JSON.stringify(result)}\n`)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function keysIn(text: string, path: string): Set<string> {
  const lines = text.split('\n').filter(line => line !== '')
  try {
    return new Set(lines.map(line => (JSON.parse(line) as Result).key))
  } catch {
    throw new UsageError(`${path} is there, and is no file of results`)
  }
}

/** The result of a job that has ended; one that is too large for its object is fetched. */
export async function resultOf(
  foreman: Foreman,
  { line, key }: Prompt,
  job: Job,
  signal: AbortSignal
): Promise<Result> {
  const { id, state, error } = job
  const result = job.result ?? (await fetched(foreman, job, signal))
  return { line, key, job_id: id, state, text: textOf(result), result, error }
}

async function fetched(foreman: Foreman, { id, artifacts }: Job, signal: AbortSignal): Promise<unknown> {
  if (!artifacts.some(({ name }) => name === 'completion')) return null
  return (await foreman.artifact(id, 'completion', { signal })).json()
}

function textOf(result: unknown): string | null {
  const { response, message } = (result ?? {}) as { response?: unknown; message?: { content?: unknown } }
  const text = response ?? message?.content
  return typeof text === 'string' ? text : null
}

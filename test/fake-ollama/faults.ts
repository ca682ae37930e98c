/**
 * What can be made to go wrong, and how a request is chosen for it: by the header
 * `x-fake-fault` (JSON, one fault or a list), by a suffix of the model name
 * (`llama3.2--reset-3`), by the model's own setting, or by the instance's `faults`.
 */

/** The ways to fail. `after` counts chunks of a stream; `for_ms` defaults to for ever. */
export type FaultKind =
  /** Answer at once with `status` (500) and `message` as JSON. */
  | 'status'
  /** Answer at once with `status` (502) and a page of HTML, as a proxy in between does. */
  | 'html'
  /** Answer at once with `status` (503) and no body. */
  | 'empty'
  /** Answer at once 503 as if MAX_QUEUE were reached. */
  | 'queue_full'
  /** Answer 400 with a runner's JSON error inside the error string. */
  | 'nested_error'
  /** Wait `for_ms` before the answer begins. */
  | 'slow_headers'
  /** Read the request, then close the connection without a byte. */
  | 'accept_close'
  /** A last line `{"error":message}` after `after` chunks. */
  | 'error_line'
  /** Reset the connection after `after` chunks. */
  | 'reset'
  /** End the stream cleanly, without its last record, after `after` chunks. */
  | 'clean_end'
  /** Send nothing for `for_ms` after `after` chunks, then go on. */
  | 'stall'
  /** The runner dies after `after` chunks: every request on it fails, the next one loads the model anew. */
  | 'runner_crash'
  /** Out of memory after `after` chunks: this request fails and every model is unloaded once idle. */
  | 'oom'
  /** U+0085 and U+2028 in the text, as they are. */
  | 'separators_raw'
  /** The same, escaped. */
  | 'separators_escaped'
  /** One chunk of `size_bytes` (1 MiB). */
  | 'big_line'
  /** `after` (3) lines in one write. */
  | 'coalesce'
  /** Each line in two writes, cut inside a UTF-8 character. */
  | 'split'
  /** The load ends in a 500 with `message`. */
  | 'load_failure'
  /** The load takes `for_ms` longer. */
  | 'load_stall'

/** One fault. */
export interface FaultSpec {
  kind: FaultKind
  after?: number
  for_ms?: number
  status?: number
  message?: string
  size_bytes?: number
  /** Only in `faults` of the config: how many requests it strikes. Defaults to all. */
  times?: number
  /** Only in `faults` of the config: only this model, as sent. Defaults to any. */
  model?: string
  /** Only in `faults` of the config: only this path. Defaults to the inference routes. */
  path?: string
}

/** The faults that one request meets. */
export class Faults {
  readonly #list: FaultSpec[] = []

  add(...faults: (FaultSpec | undefined)[]): void {
    for (const fault of faults) if (fault !== undefined) this.#list.push(fault)
  }

  /** The fault of one of these kinds, if any. */
  of(...kinds: FaultKind[]): FaultSpec | undefined {
    return this.#list.find(fault => kinds.includes(fault.kind))
  }

  get any(): boolean {
    return this.#list.length > 0
  }
}

/** The faults that a request asks for in its header. @throws {SyntaxError} when it is not JSON. */
export function headerFaults(header: string | string[] | undefined): FaultSpec[] {
  if (typeof header !== 'string') return []
  const parsed = JSON.parse(header) as FaultSpec | FaultSpec[]
  return Array.isArray(parsed) ? parsed : [parsed]
}

/** A model name without its fault suffix, and that fault. */
export function cutFaultSuffix(name: string): { name: string; fault: FaultSpec | undefined } {
  const match = /^(.*)--([a-z_]+)(?:-(\d+))?$/.exec(name)
  if (match === null) return { name, fault: undefined }
  const number = match[3] === undefined ? undefined : Number(match[3])
  const kind = match[2] as FaultKind
  const fault: FaultSpec =
    kind === 'status' ? { kind, status: number } : { kind, after: number, for_ms: number }
  return { name: match[1] ?? '', fault }
}

/** Takes the configured faults that strike this request and counts down their `times`. */
export function takeFaults(faults: FaultSpec[], path: string, model: string | undefined): FaultSpec[] {
  return faults.filter(fault => {
    if (fault.times === 0) return false
    if (fault.path !== undefined && fault.path !== path) return false
    if (fault.path === undefined && model === undefined) return false
    if (fault.model !== undefined && fault.model !== model) return false
    if (fault.times !== undefined) fault.times--
    return true
  })
}

/**
 * Writes a `num_ctx` into the body of a native request, every other byte as it was sent.
 *
 * Ollama binds `options` into a Go map: names of the body match in any case, each further `options` object is merged
 * into the map, `null` empties it, and the names in it match exactly. So the last `num_ctx` is the one that holds.
 * Source: ollama/ollama api/types.go, `Options.FromMap`; Go, src/encoding/json/decode.go.
 */
import type { JobKind } from '../jobs/job.ts'
import type { Inference } from './inference.ts'
import { foldName } from './json-bind.ts'
import { isEmpty, type JsonMember, type JsonValue, membersOf, scanDocument } from './json-scan.ts'

/** What may ask for a context by `options`. Embedding models have one that does not grow. */
export const raisedKinds: ReadonlySet<JobKind> = new Set(['generate', 'chat'])

/** Whether the request is one of those: the routes that are not the target's own carry no options. */
export function mayBeRaised({ native, route }: Inference): boolean {
  return native !== undefined && raisedKinds.has(route.kind)
}

/** Where the `options` of a body end up. */
interface Options {
  /** The last object or `null` of the name. */
  readonly last: JsonValue
  /** The `num_ctx` that holds. */
  readonly context: JsonMember | undefined
}

/**
 * The body with `options.num_ctx` set to `context`, in the place of the value that holds, else inserted.
 *
 * The same buffer comes back where the value that holds is neither a number nor `null`: the target refuses it, in its
 * own words. The body must be one that `readNativeBody` took.
 */
export function raiseContext(json: Buffer, context: number): Buffer {
  const body = scanDocument(json)
  const options = optionsOf(json, body.members)
  const holds = options?.context
  if (holds !== undefined) {
    const isReplaceable = holds.kind === 'number' || holds.kind === 'null'
    return isReplaceable ? spliced(json, holds.start, holds.end, String(context)) : json
  }
  const member = `"num_ctx":${context}`
  if (options === undefined) return insertedFirst(json, body, `"options":{${member}}`)
  // Behind the null, which has emptied the map; in its place what was there before it would count again.
  if (options.last.kind === 'null')
    return spliced(json, options.last.end, options.last.end, `,"options":{${member}}`)
  return insertedFirst(json, options.last, member)
}

function optionsOf(json: Buffer, members: readonly JsonMember[]): Options | undefined {
  let found: Options | undefined
  for (const member of members) {
    if (foldName(member.name) !== 'options') continue
    const empties = member.kind === 'null'
    const own = empties ? undefined : membersOf(json, member).findLast(({ name }) => name === 'num_ctx')
    found = { last: member, context: own ?? (empties ? undefined : found?.context) }
  }
  return found
}

function insertedFirst(json: Buffer, object: JsonValue, member: string): Buffer {
  const at = object.start + 1
  return spliced(json, at, at, isEmpty(json, object) ? member : `${member},`)
}

function spliced(json: Buffer, start: number, end: number, text: string): Buffer {
  return Buffer.concat([json.subarray(0, start), Buffer.from(text), json.subarray(end)])
}

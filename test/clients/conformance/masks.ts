/** What may differ between two outcomes of one call, and what it must look like all the same. */

/** One kind of value. */
interface Mask {
  /** Names of the fields that have it. */
  readonly field: RegExp
  /** What it looks like; of a string, the parts that do. */
  readonly shape: RegExp
  /** Stands in its place. */
  readonly as: string
  /** Why it differs. */
  readonly reason: string
  /** Names one thing: the same value must be the same wherever it is. */
  readonly name?: true
}

/** Header fields that a library hands out: of one connection, and those that foreman adds to an answer. */
const ofTheWay = /^(connection|keep-alive|foreman-.*)$/
/** Numbers under such a name are times as well, whatever they are called there. */
const times = /Ms$/

const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/

/** Decided by the clock, or by dice that the target or the library throws for each answer. Nothing else may differ. */
export const masks: readonly Mask[] = [
  { field: /_?duration$/i, shape: /^\d+$/, as: 'nanoseconds', reason: 'how long the target took' },
  {
    field: /^(created|modified|expires|completed)_?at$/i,
    shape: time,
    as: 'time',
    reason: 'when it was said, made, or is to be unloaded'
  },
  {
    field: /^(created|created_at|completed_at)$/,
    shape: /^\d{10}(\.\d+)?$/,
    as: 'seconds since 1970',
    reason: 'when it was said, as OpenAI writes it'
  },
  { field: /^timestamp$/, shape: time, as: 'time', reason: 'the same, as the AI SDK calls it' },
  {
    field: /^date$/,
    shape: /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
    as: 'date',
    reason: 'the same, in the header'
  },
  {
    field: /(Ms|PerSecond)$/,
    shape: /^\d+(\.\d+)?(e-?\d+)?$/,
    as: 'milliseconds',
    reason: 'how fast it was, as the AI SDK measures it'
  },
  {
    field: /^content-length$/,
    shape: /^\d+$/,
    as: 'bytes',
    reason: 'ids and times are not of one length'
  },
  {
    field: /^(id|item_id|itemId|response_id|responseId|message_id)$/,
    shape: /(?<=^(chatcmpl|cmpl|resp|msg|rs|fc|req)[-_])[0-9a-z_]+$/,
    as: 'id',
    name: true,
    reason: 'Ollama makes up the ids of /v1 for each answer'
  },
  {
    field: /^(request_?id|_request_id|message|body)$/i,
    shape: /(?<=\breq_)[0-9a-f]{24}\b/g,
    as: 'id',
    name: true,
    reason: 'an error of /v1/messages has one, and the SDKs put the whole error into their message'
  },
  {
    field: /^id$/,
    shape: /(?<=^aitxt-)\w{24}$/,
    as: 'id',
    name: true,
    reason: 'the AI SDK makes one up for an answer that has none'
  },
  {
    field: /^(id|tool_?call_?id|run_?id)$/i,
    shape: /\b[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
    as: 'uuid',
    name: true,
    reason: 'some libraries make up an id for each answer, or for a call that has none'
  }
]

/** What a real target decides besides. */
export const realMasks: readonly Mask[] = [
  ...masks,
  {
    field: /^(prompt_eval_count|prompt_?tokens|input_?tokens|total_?tokens)$/i,
    shape: /^\d+$/,
    as: 'tokens',
    reason: 'what it still has of the last prompt it does not count again'
  },
  {
    field: /^(id|tool_?call_?id)$/i,
    shape: /(?<=^call_)\w+$/,
    as: 'id',
    name: true,
    reason: 'made up for each'
  }
]

/**
 * The same value with a word in the place of all that may differ; names are numbered in the order in which they come.
 * A value that does not look as it should stays, so that it differs from one that does; so does a field that is
 * missing on one side.
 */
export function masked(value: unknown, by: readonly Mask[] = masks): unknown {
  const names = new Map<string, number>()
  return maskedIn('', value)

  function maskedIn(field: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map(item => maskedIn(field, item))
    if (typeof value !== 'object' || value === null)
      return by.filter(mask => mask.field.test(field)).reduce((so, mask) => maskedBy(mask, so, names), value)
    const kept = Object.entries(value).filter(([name]) => !ofTheWay.test(name))
    return Object.fromEntries(
      kept.map(([name, item]) => [name, maskedIn(times.test(field) ? field : name, item)])
    )
  }
}

function maskedBy({ shape, as, name }: Mask, value: unknown, names: Map<string, number>): unknown {
  if (typeof value === 'number') return shape.test(String(value)) ? `<${as}, a number>` : value
  if (typeof value !== 'string') return value
  return value.replace(shape, found => (name ? `<${as} ${numberOf(found, names)}>` : `<${as}>`))
}

function numberOf(name: string, names: Map<string, number>): number {
  if (!names.has(name)) names.set(name, names.size + 1)
  return names.get(name)!
}

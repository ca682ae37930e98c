/** What a token may not go beyond: as it is written by people and programs, and as code has it. */
import { type Static, Type } from 'typebox'
import type { Limits } from '../../core/access/caller.ts'
import { priorities } from '../../core/jobs/priority.ts'
import { parseModelName } from '../../core/target/model-name.ts'
import { isAddressRange } from './addresses.ts'

/** {@link Limits} of core, and those that the plugin itself holds a token to. What is left out is not limited. */
export interface TokenLimits extends Limits {
  readonly requestsPerMinute?: number
  /** Whatever makes a job counts: attached calls, each line of many, retries. */
  readonly jobsPerMinute?: number
  /** Addresses and ranges (CIDR) it may be used from. */
  readonly addresses?: readonly string[]
}

const longestList = 100
const mostPerMinute = 1_000_000
const mostAtATime = 100_000_000

const perMinute = (what: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: mostPerMinute, description: `${what} in any minute.` }))

const atATime = (minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum: mostAtATime, description }))

const model = Type.Refine(
  Type.String({ maxLength: 512 }),
  isModelPattern,
  () => 'must be the name of a model; a * may stand at the end, for any rest'
)

const address = Type.Refine(
  Type.String({ maxLength: 64 }),
  isAddressRange,
  () => 'must be an address or a range such as 192.168.1.0/24 or fd00::/8'
)

/** Limits as the routes and the store have them. */
export const limitsSchema = Type.Object(
  {
    models: Type.Optional(
      Type.Array(model, {
        minItems: 1,
        maxItems: longestList,
        description: 'Models it may use, in any spelling; a * at the end stands for any rest.'
      })
    ),
    top_priority: Type.Optional(
      Type.Enum([...priorities], { description: 'The highest class its jobs may have.' })
    ),
    requests_per_minute: perMinute('Requests'),
    jobs_per_minute: perMinute('Jobs'),
    max_queued: atATime(0, 'Jobs of its owner that may wait at a time.'),
    addresses: Type.Optional(
      Type.Array(address, {
        minItems: 1,
        maxItems: longestList,
        description: 'Addresses and ranges (CIDR) it may be used from.'
      })
    )
  },
  { additionalProperties: false }
)

/** What {@link limitsSchema} describes. */
export type WrittenLimits = Static<typeof limitsSchema>

/** Written limits as code has them. */
export function readLimits(written: WrittenLimits): TokenLimits {
  return withoutUndefined({
    models: written.models,
    topPriority: written.top_priority,
    requestsPerMinute: written.requests_per_minute,
    jobsPerMinute: written.jobs_per_minute,
    maxQueued: written.max_queued,
    addresses: written.addresses
  })
}

function withoutUndefined<T extends object>(limits: T): T {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as T
}

/** Whether a name can be that of a model at all: one that never can would shut everything out without a word. */
function isModelPattern(name: string): boolean {
  return name.endsWith('*') ? /^[\w./:-]*\*$/.test(name) : parseModelName(name) !== undefined
}

/** The settings of the `num_ctx` policy: for all models, and for single ones. */
import { type Static, Type } from 'typebox'
import type { LargestContext } from '../../core/queue/context-policy.ts'
import { parseModelName } from '../../core/target/model-name.ts'

const policy = Type.Enum(['off', 'high_water'], {
  description:
    'high_water: requests of a model get the largest num_ctx that one of them was loaded with, so that none of them makes the target load it again.'
})
const max = Type.Integer({
  minimum: 1,
  description: 'A request that asks for more keeps what it asks for, and raises no other.'
})

const modelSchema = Type.Object(
  { policy: Type.Optional(policy), max: Type.Optional(max) },
  { additionalProperties: false }
)

/** `plugins.residency.num_ctx`. */
export const numCtxSchema = Type.Object(
  {
    policy: Type.Enum(['off', 'high_water'], { ...policy, default: 'off' }),
    max: Type.Optional(max),
    models: Type.Record(Type.String(), modelSchema, {
      default: {},
      description: 'The same for single models, by name; what is not said there is as above.'
    })
  },
  { default: {}, additionalProperties: false }
)

/** What the settings say. */
export type NumCtxSettings = Static<typeof numCtxSchema>

/**
 * What counts for which model; undefined where the policy is off for all of them.
 * @throws {Error} for a name that the target would not take
 */
export function largestContext({ policy, max, models }: NumCtxSettings): LargestContext | undefined {
  const all = { policy, max }
  const own = new Map(Object.entries(models).map(([name, said]) => [keyOf(name), { ...all, ...said }]))
  if ([all, ...own.values()].every(rule => rule.policy === 'off')) return undefined
  return model => {
    const rule = own.get(parseModelName(model)?.key ?? '') ?? all
    return rule.policy === 'off' ? undefined : (rule.max ?? Number.POSITIVE_INFINITY)
  }
}

function keyOf(name: string): string {
  const key = parseModelName(name)?.key
  if (key === undefined) throw new Error(`plugins.residency.num_ctx.models: '${name}' is no name of a model`)
  return key
}

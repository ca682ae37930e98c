/** What the routes of models answer. */
import { type Static, Type } from 'typebox'

const count = Type.Integer({ minimum: 0 })
const time = (description: string) => Type.String({ format: 'date-time', description })
const maybe = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const maybeNumber = (description: string) => maybe(Type.Number({ description }))

const depthSchema = Type.Object(
  { total: count, interactive: count, normal: count, batch: count },
  { description: 'Waiting jobs by class, those that wait for a retry or their not_before included.' }
)

const runnerSchema = Type.Object({
  runner: maybe(
    Type.String({
      description: 'Weights, and the options that force a reload; null where somebody else loaded it.'
    })
  ),
  loaded: Type.Boolean({ description: 'It was in memory at the last look.' }),
  by_foreman: maybe(Type.Boolean({ description: 'Foreman loaded it; null where it is not loaded.' })),
  size_bytes: maybeNumber('What it takes of all memory.'),
  vram_bytes: maybeNumber('What of that is on the GPU.'),
  context_length: maybeNumber('Its context in tokens, as the target tells it.'),
  expires_at: maybe(time('When it goes if nobody asks for it; centuries ahead for one that stays.')),
  depth: depthSchema,
  load_s: maybeNumber('Median of its last five loads by foreman; null before the first.')
})

/** One installed model. */
export const modelSchema = Type.Object(
  {
    name: Type.String({ description: 'As the target lists it.' }),
    digest: Type.String({ description: 'Of its manifest.' }),
    size_bytes: Type.Number({ description: 'On the disk.' }),
    modified_at: maybe(time('When it was installed or made.')),
    family: Type.String(),
    parameter_size: Type.String(),
    quantization: Type.String(),
    capabilities: Type.Array(Type.String(), { description: 'completion, embedding, vision, tools, …' }),
    context_length: maybeNumber('The longest context it was made for, in tokens.'),
    embedding_length: maybeNumber('Length of its vectors.'),
    remote: Type.Boolean({ description: 'A stub: it runs on another machine.' }),
    loaded: Type.Boolean({ description: 'One of its runners is in memory.' }),
    runners: Type.Array(runnerSchema, {
      description:
        'Those in memory, and those that jobs wait for or used lately. Names on the same weights share them.'
    }),
    depth: depthSchema,
    load_s: maybeNumber('Median of the loads of its runners; null before the first.'),
    input_tokens_per_s: maybeNumber('How fast it reads prompts, over its last runs.'),
    output_tokens_per_s: maybeNumber('How fast it writes answers, over its last runs.')
  },
  { title: 'Model' }
)

/** Whether the target is there. */
export const targetSchema = Type.Object({
  status: Type.Enum(['up', 'down', 'unknown']),
  since: maybe(time('In this state since then, as far as this run of foreman knows.')),
  version: maybe(Type.String({ description: 'As it told it last.' }))
})

/** All of them. */
export const modelsSchema = Type.Object({
  data: Type.Array(modelSchema, { description: "In the target's order." }),
  stale: Type.Boolean({
    description: 'The list is the last one that was had: the target does not give a newer one.'
  }),
  polled_at: maybe(time('When the target gave it.')),
  target: targetSchema
})

/** {@link modelSchema} as a type. */
export type ModelObject = Static<typeof modelSchema>
/** {@link runnerSchema} as a type. */
export type RunnerObject = Static<typeof runnerSchema>

/** What `GET /queue` tells of the model that is kept loaded for embeddings. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { embedderStates } from '../../core/queue/embedder.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const maybeText = (description: string) => Type.Union([Type.String({ description }), Type.Null()])

/** The embed lane. */
export const embedSchema = Type.Object(
  {
    model: maybeText('The model that is kept loaded; null where none is chosen.'),
    runner: maybeText('Its runner.'),
    state: Type.Enum([...embedderStates], {
      description:
        'none: there is no such model. wanted: it is to be loaded. warm: it is loaded. does_not_hold: the target does not keep it beside the loaded model, so embeddings wait with all other jobs.'
    }),
    reason: Type.String({ description: 'Why, in words.' }),
    since: Type.String({ format: 'date-time' }),
    concurrency: count('Calls that may be on the target at a time (embed.concurrency).'),
    running: count('Calls on the target now.'),
    waiting: count('Jobs and calls that wait for it.')
  },
  { description: 'Embeddings with the model that is kept loaded for them: they wait for nothing else.' }
)

/** As it is now. */
export function embedObject({ queue, queueDepth }: FastifyInstance): Static<typeof embedSchema> {
  const { model, runner, since, state, reason, concurrency, running } = queue.embeds.status
  return {
    model: model ?? null,
    runner: runner ?? null,
    ...{ state, reason, concurrency, running },
    since: new Date(since).toISOString(),
    waiting: runner === undefined ? 0 : queueDepth.of(runner)
  }
}

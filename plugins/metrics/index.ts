/**
 * metrics: what happens, as numbers for Prometheus.
 *
 * Owns `GET /metrics`, for the scope `metrics`, and where `listen` is set a listener of its own that asks for no token.
 * Shows what others tell: jobs by their events, the target and the disk by core's telemetry, and the series that plugins
 * put into `app.meters` themselves. Nothing in it names a job, a token or an address. docs/monitoring.md lists the series.
 */
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'
import { metrics } from './api.ts'
import { addEmbedSeries } from './embed.ts'
import { expose } from './exposition.ts'
import { addHttpSeries } from './http.ts'
import { addJobSeries } from './jobs.ts'
import { listenPattern, openListener } from './listener.ts'
import { addLlmSeries } from './llm.ts'
import { ModelLabels } from './model-labels.ts'
import { addProcessSeries } from './process.ts'
import { addQueueSeries } from './queue.ts'
import { Series } from './series.ts'
import { addStoreSeries } from './store.ts'
import { addStreamSeries } from './streams.ts'
import { addTargetSeries } from './target.ts'

export const configSchema = Type.Object(
  {
    listen: Type.Optional(
      Type.String({
        pattern: listenPattern,
        description: 'host:port that answers GET /metrics without a token, and nothing else.'
      })
    )
  },
  { additionalProperties: false }
)

/** Its hooks meet the requests of every route. */
export const seesRoutes = true

export default fp<Static<typeof configSchema>>(
  async (app, { listen }) => {
    const series = new Series(app.meters)
    const models = new ModelLabels(app.catalog, app.db)
    addHttpSeries(app, series)
    addJobSeries(app, series, models)
    addLlmSeries(app, series, models)
    addQueueSeries(app, series)
    addEmbedSeries(app, series)
    addTargetSeries(app, series, models)
    addStreamSeries(app, series)
    addStoreSeries(app, series)
    addProcessSeries(app, series)
    app.get('/metrics', { config: { access: 'metrics', api: metrics } }, (request, reply) =>
      expose(app.meters, request, reply)
    )
    if (listen !== undefined) openListener(app, listen)
  },
  {
    name: 'metrics',
    fastify: '5.x',
    decorators: {
      fastify: [
        'settings',
        'db',
        'disk',
        'jobs',
        'jobEvents',
        'queue',
        'queueDepth',
        'catalog',
        'telemetry',
        'meters'
      ]
    }
  }
)

/**
 * jobs: work without a connection.
 *
 * Owns `/jobs` and `/queue`: hand a job in, follow it by asking, cancel it, do it again, take it away. Offers the job
 * object to other plugins as `app.jobObjects`, and a way in as `app.respondAsync`. It never runs a job and keeps no truth of its own: everything it shows
 * is the store's. Errors are RFC 9457; the contract is docs/http-api.md.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { addChangeRoutes } from './change.ts'
import { addCreateRoute } from './create.ts'
import { type EventObjects, eventObjects } from './event-object.ts'
import { EventStreams } from './event-streams.ts'
import { addEventsRoute } from './events-page.ts'
import { addFetchRoute } from './fetch.ts'
import { type JobObjects, jobObjects } from './job-object.ts'
import { JobWebhooks } from './job-webhooks.ts'
import { LineStreams } from './line-streams.ts'
import { addListRoute } from './list.ts'
import { addSeries } from './metrics.ts'
import type { Parts } from './parts.ts'
import { addQueueRoutes } from './queue-routes.ts'
import { type RespondAsync, respondAsync } from './respond-async.ts'
import { validatorCompiler } from './validate.ts'
import { Waiters } from './waiters.ts'
import { addWhyRoute } from './why.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly jobObjects: JobObjects
    readonly eventObjects: EventObjects
    readonly eventStreams: EventStreams
    readonly jobWebhooks: JobWebhooks
    readonly respondAsync: RespondAsync
  }
}

/** Bodies of routes that take none are read and forgotten: clients send `{}` or nothing. */
const ignoredBodyBytes = 64 * 1024

export default fp(
  async app => {
    const objects = jobObjects(app)
    const waiters = new Waiters(app.jobEvents, app.telemetry)
    const streams = new LineStreams()
    const parts = { objects, waiters }
    addSeries(app)
    app.decorate('jobObjects', objects)
    app.decorate('eventObjects', eventObjects(app, objects))
    app.decorate('eventStreams', new EventStreams())
    app.decorate('jobWebhooks', new JobWebhooks())
    app.decorate('respondAsync', respondAsync(app, parts))
    app.addHook('preClose', async () => {
      waiters.close()
      streams.close()
    })
    await app.register(async scope => {
      useSchemas(scope)
      addCreateRoute(scope, parts, streams)
    })
    await app.register(async scope => addOthers(scope, parts, streams))
  },
  {
    name: 'jobs',
    fastify: '5.x',
    decorators: {
      fastify: [
        'settings',
        'db',
        'secrets',
        'jobs',
        'jobEvents',
        'queue',
        'queueDepth',
        'contexts',
        'catalog',
        'telemetry',
        'meters'
      ]
    }
  }
)

function addOthers(scope: FastifyInstance, parts: Parts, streams: LineStreams): void {
  useSchemas(scope)
  scope.removeAllContentTypeParsers()
  const options = { parseAs: 'buffer', bodyLimit: ignoredBodyBytes } as const
  scope.addContentTypeParser('*', options, (_request, _body, done) => done(null))
  addListRoute(scope, parts, streams)
  addFetchRoute(scope, parts)
  addChangeRoutes(scope, parts)
  addEventsRoute(scope)
  addWhyRoute(scope)
  addQueueRoutes(scope)
}

/** The answers have schemas for the sake of documentation: they are made right, so nothing is cut from them. */
function useSchemas(scope: FastifyInstance): void {
  scope.setValidatorCompiler(validatorCompiler)
  scope.setSerializerCompiler(() => data => JSON.stringify(data))
}

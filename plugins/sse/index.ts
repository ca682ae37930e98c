/**
 * sse: events of jobs as they come, for whoever can read a stream: browsers by EventSource, everybody else by HTTP.
 *
 * Owns `GET /events`, and serves `GET /jobs/{id}/events` and `POST /jobs` of the plugin `jobs` to those who ask for
 * `text/event-stream`. Everything comes from the event log, so a stream can be taken up where it was cut. It keeps nothing.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html; the contract is docs/http-api.md.
 */
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'
import { schemaValidator } from '../../core/schema-validator.ts'
import type {} from '../jobs/index.ts'
import { addEventsRoute } from './events-route.ts'
import { eventFrames } from './frames.ts'
import { jobStreamer } from './job-streams.ts'
import { Streams } from './streams.ts'

const secondMs = 1000
/** Longest time a timer of Node can wait, in whole seconds. */
const longestS = 2_147_483

const seconds = (value: number, description: string) =>
  Type.Number({ default: value, exclusiveMinimum: 0, maximum: longestS, description })

export const configSchema = Type.Object(
  {
    heartbeat_s: seconds(15, 'Pause between two signs of life.'),
    max_duration_s: seconds(3600, 'Longest life of a connection; its client comes back.'),
    stall_s: seconds(60, 'Longest time in which a client takes nothing of what waits for it.'),
    buffer_bytes: Type.Integer({
      default: 1_048_576,
      minimum: 1,
      description: 'Bytes that may wait for a client; what is more it gets from the log.'
    })
  },
  { additionalProperties: false }
)

export default fp<Static<typeof configSchema>>(
  async (app, { heartbeat_s, max_duration_s, stall_s, buffer_bytes }) => {
    const frames = eventFrames(app)
    const streams = new Streams(app, {
      heartbeatMs: heartbeat_s * secondMs,
      maxDurationMs: max_duration_s * secondMs,
      stallMs: stall_s * secondMs,
      bufferBytes: buffer_bytes
    })
    app.eventStreams.serveBy(jobStreamer(app, streams, frames.inJob))
    app.addHook('preClose', () => streams.close())
    await app.register(async scope => {
      scope.setValidatorCompiler(schemaValidator())
      addEventsRoute(scope, streams, frames.amongAll)
    })
  },
  {
    name: 'sse',
    fastify: '5.x',
    dependencies: ['jobs'],
    decorators: {
      fastify: [
        ...['db', 'jobs', 'access', 'telemetry', 'epochs', 'followers', 'streamSlots'],
        ...['eventObjects', 'eventStreams']
      ]
    }
  }
)

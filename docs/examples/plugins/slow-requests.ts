/**
 * slow-requests: remembers the requests that took longest.
 *
 * Owns `GET /slow-requests`, which lists them, the slowest first. Keeps them in memory only, and never looks
 * into a request or an answer.
 */
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'

export const configSchema = Type.Object(
  {
    limit_s: Type.Number({ default: 10, minimum: 0, description: 'A request that took longer is slow.' }),
    keep: Type.Integer({ default: 20, minimum: 1, description: 'Slow requests that are remembered.' })
  },
  { additionalProperties: false }
)

interface SlowRequest {
  method: string
  route: string
  status: number
  took_s: number
}

export default fp<Static<typeof configSchema>>(
  async (app, { limit_s, keep }) => {
    let slowest: SlowRequest[] = []

    app.addHook('onResponse', async (request, reply) => {
      const took_s = reply.elapsedTime / 1000
      if (took_s <= limit_s) return
      const route = request.routeOptions.url ?? 'unknown'
      const slow = { method: request.method, route, status: reply.statusCode, took_s }
      slowest = [...slowest, slow].sort((a, b) => b.took_s - a.took_s).slice(0, keep)
    })

    app.get('/slow-requests', async () => ({ data: slowest }))
  },
  { name: 'slow-requests', fastify: '5.x' }
)

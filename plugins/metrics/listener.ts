/** A second door that leads to the metrics alone and asks for no token: for a network on which only Prometheus is. */
import Fastify, { type FastifyInstance } from 'fastify'
import { serverOptions } from '../../core/slow-clients.ts'
import { expose } from './exposition.ts'

/** `host:port`; an IPv6 address in brackets. */
export const listenPattern = '^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):\\d{1,5}$'

/** Opens it when the app is ready and closes it with the app. What keeps it from listening stops the start. */
export function openListener(app: FastifyInstance, listen: string): void {
  const door = Fastify({ logger: false, http: serverOptions(app.settings.limits) })
  door.get('/metrics', (request, reply) => expose(app.meters, request, reply))
  const at = listen.lastIndexOf(':')
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '')
  app.addHook('onReady', async () => {
    const address = await door.listen({ host, port: Number(listen.slice(at + 1)) })
    app.log.info({ address: `${address}/metrics` }, 'metrics without a token')
  })
  app.addHook('onClose', () => door.close())
}

/**
 * How a test speaks to the farm, by HTTP:
 *
 * - `GET /counts`: connections and visits of each receiver, and of the trap;
 * - `GET /visits?since=N&wait_ms=N`: what came after visit N, waiting for it where nothing has;
 * - `POST /configure` with settings in part; `POST /forget`.
 */
import { createServer, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import { configure, type FarmConfig } from './config.ts'
import type { Yard } from './yard.ts'

/** The server, not yet listening. What it does not understand is answered with 400 and the reason. */
export function controlServer(yard: Yard): Server {
  return createServer(async (request, response) => {
    try {
      const url = new URL(request.url!, 'http://farm')
      const body = request.method === 'POST' ? await json(request) : undefined
      response.end(JSON.stringify(await answer(yard, url, body)))
    } catch (err) {
      response.writeHead(400).end(JSON.stringify({ error: String(err) }))
    }
  })
}

async function answer({ config, visits }: Yard, url: URL, body: unknown): Promise<unknown> {
  switch (url.pathname) {
    case '/counts':
      return visits.counts
    case '/visits':
      return visits.after(Number(url.searchParams.get('since')), Number(url.searchParams.get('wait_ms')))
    case '/configure':
      configure(config, body as Partial<FarmConfig>)
      return config
    case '/forget':
      visits.forget()
      return visits.counts
    default:
      throw new Error(`the farm knows no ${url.pathname}`)
  }
}

/**
 * Stands between foreman and the fake and can behave as no HTTP server does: a cable that is pulled, a proxy that
 * breaks, a machine that hangs.
 */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** `pass` everything on; take requests and say `nothing`; answer `garbage` that is no HTTP, or a page of `html`. */
export type Manner = 'pass' | 'nothing' | 'garbage' | 'html'

/** A proxy whose manner can change at any time, for requests to come. */
export interface Proxy {
  readonly url: string
  manner: Manner
  /** Paths that meet the manner; the others pass. Defaults to all. */
  paths: readonly string[] | undefined
}

/** Starts one before `target`; it is closed when the test is over. */
export async function startProxy(t: TestContext, target: string): Promise<Proxy> {
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/'
    const manner = proxy.paths === undefined || proxy.paths.includes(path) ? proxy.manner : 'pass'
    if (manner === 'nothing') return void incoming.resume()
    if (manner === 'garbage') return void incoming.socket.end('\u0000\u0001 not a word of HTTP\r\n\r\n')
    if (manner === 'html') {
      outgoing.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>')
      return
    }
    const { method, headers } = incoming
    const onward = request(new URL(path, target), { method, headers, agent: false }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const proxy: Proxy = { url, manner: 'pass', paths: undefined }
  return proxy
}

/** The other side of the namespaces: listens at every address, counts who came, and answers for names. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { serverCertificate, serverKey } from '../../../core/target/certificates.ts'
import { startNameServer } from '../egress/name-server.ts'
import { serve } from './program.ts'

/** For each name its answers, one list after the other; the last is given from then on. */
export type Names = Record<string, readonly (readonly string[])[]>

const counts: Record<string, number> = {}
const asked: Record<string, number> = {}
let names: Names = {}
let redirect: string | undefined

function count(socket: Socket): void {
  const address = socket.localAddress!.replace('::ffff:', '')
  counts[address] = (counts[address] ?? 0) + 1
}

function respond(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  if (redirect === undefined) response.end(`at ${request.socket.localAddress!.replace('::ffff:', '')}`)
  else response.writeHead(307, { location: redirect }).end()
}

const tls = { cert: serverCertificate, key: serverKey }
for (const port of [443, 8443, 80, 8080]) {
  const secure = port === 443 || port === 8443
  const server = secure ? createTlsServer(tls, respond) : createServer(respond)
  // Before TLS and before HTTP: the connection alone counts.
  server.on('connection', count)
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(port, '::', resolve))
}

/** A and AAAA are asked at once, so each goes through the list by itself. */
function zone(name: string, type: 'A' | 'AAAA'): readonly string[] | undefined {
  const lists = names[name]
  if (lists === undefined) return []
  const key = `${type} ${name}`
  const nth = asked[key] ?? 0
  asked[key] = nth + 1
  return lists[Math.min(nth, lists.length - 1)]
}

await startNameServer(zone, '198.51.100.53', 53)

serve({
  connections: () => counts,
  setNames: (value: Names) => {
    names = value
    for (const key of Object.keys(asked)) delete asked[key]
  },
  setRedirect: (value: string | undefined) => {
    redirect = value
  }
})

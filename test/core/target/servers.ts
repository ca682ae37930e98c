/** Small real servers for tests, on 127.0.0.1 and a free port, closed with the test that opened them. */
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { TargetClient, type TargetClientOptions } from '../../../core/target/client.ts'
import type { HeaderField } from '../../../core/target/headers.ts'

/** Starts an HTTP server and returns its url. */
export async function startHttp(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return listen(server)
}

/** Starts a TCP server; `onConnection` gets each socket and its number, from 1. */
export async function startTcp(
  t: TestContext,
  onConnection: (socket: Socket, number: number) => void
): Promise<string> {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createNetServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket, ++count)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return listen(server)
}

/** A url on which nothing listens. */
export async function unusedUrl(): Promise<string> {
  const server = createNetServer()
  const url = await listen(server)
  server.close()
  await once(server, 'close')
  return url
}

/** A client that is destroyed with the test. */
export function startClient(
  t: TestContext,
  url: string,
  options: Partial<TargetClientOptions> = {}
): TargetClient {
  const client = new TargetClient({ url, ...options })
  t.after(() => client.destroy())
  return client
}

/** What a handler received. */
export interface Received {
  status: number
  headers: HeaderField[]
  chunks: string[]
}

/** A handler that writes down what it gets. */
export function collect(onData: (chunk: string) => void = () => {}) {
  const received: Received = { status: 0, headers: [], chunks: [] }
  return {
    received,
    head(status: number, headers: HeaderField[]) {
      Object.assign(received, { status, headers })
    },
    data(chunk: Buffer) {
      received.chunks.push(chunk.toString())
      onData(chunk.toString())
    }
  }
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What every receiver of the farm shares. */
import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FarmConfig } from './config.ts'
import type { Visits } from './visits.ts'

/** One receiver: what it does to who calls. */
export type Receiver = (name: string, yard: Yard) => Server

/** The ground they stand on. */
export interface Yard {
  readonly config: FarmConfig
  readonly visits: Visits
  /** Where nobody may be led: a server that counts who comes. */
  readonly trap: { readonly url: string }
}

/** Notes a request once its body has come, or nothing where its sender left before. @returns whether it came whole */
export async function noteRequest(
  { config, visits }: Yard,
  receiver: string,
  request: IncomingMessage,
  status: number | undefined
): Promise<boolean> {
  const { url: path = '', headers } = request
  const body = await text(request).catch(() => undefined)
  if (body === undefined) return false
  const seen = { path, headers: headers as Record<string, string>, body }
  visits.add({ receiver, request: seen, ...(status !== undefined && { status }) }, config.keep)
  return true
}

/** Counts the connections of a server, and keeps a broken one from ending the farm. */
export function watch(server: Server, name: string, { visits }: Yard): void {
  const count = visits.count(name)
  server.on('connection', (socket: Socket) => {
    count.connections += 1
    count.open += 1
    socket.on('error', () => {})
    socket.once('close', () => {
      count.open -= 1
    })
  })
  // Of TLS: a caller that does not trust us has left.
  server.on('tlsClientError', () => {})
}

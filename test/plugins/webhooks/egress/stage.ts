/** Receivers that do as a test says, over real sockets, and a sender that is allowed to reach them. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { dnsLookup } from '../../../../plugins/webhooks/egress/lookup.ts'
import { egressRules } from '../../../../plugins/webhooks/egress/rules.ts'
import { type Answer, Sender, type SenderOptions } from '../../../../plugins/webhooks/egress/sender.ts'
import { type NameServer, startNameServer, type Zone } from './name-server.ts'

/** Something that listens. */
export interface Receiver {
  readonly port: number
  /** How many connections there were. */
  readonly count: number
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>
  /** Waits until none is open. */
  allClosed(): Promise<void>
}

/** What a receiver does with a request: `text` is what came so far, `nth` the count of requests on it, from 1. */
export type Behaviour = (socket: Socket, text: string, nth: number) => void

/** Listens on 127.0.0.1, or `host`, with TLS where there is a certificate, and behaves at each piece that comes. */
export async function receiver(
  t: TestContext,
  behave: Behaviour,
  { tls, host = '127.0.0.1', port = 0 }: { tls?: TlsOptions; host?: string; port?: number } = {}
): Promise<Receiver> {
  const open = new Set<Socket>()
  let count = 0
  const serve = (socket: Socket) => {
    let nth = 0
    socket.on('error', () => {})
    socket.on('data', data => behave(socket, data.toString('latin1'), ++nth))
  }
  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  server.on('connection', (socket: Socket) => {
    count += 1
    open.add(socket)
    socket.on('error', () => {}).once('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.listen(port, host)
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of open) socket.destroy()
    server.close()
    if (server.listening) await once(server, 'close')
  })
  const { port: at } = server.address() as { port: number }
  return {
    port: at,
    open,
    allClosed: async () => {
      // A reset is an error to `once` of node:events, and a fine end here.
      for (const socket of open) await new Promise(resolve => socket.once('close', resolve))
    },
    get count() {
      return count
    }
  }
}

/** Says the same to every request. */
export function says(answer: string): Behaviour {
  return socket => void socket.write(answer)
}

/** An answer of HTTP/1.1 with a body of this text. */
export function answer(status: number, body = '', headers: readonly string[] = []): string {
  const lines = [`HTTP/1.1 ${status} Whatever`, `content-length: ${Buffer.byteLength(body)}`, ...headers]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** What a test changes about the sender. */
export interface SenderChanges extends Partial<SenderOptions> {
  readonly allow?: readonly string[]
}

/** A sender that is allowed what `allow` says. It has more time than anything takes that comes to an end. */
export function startSender(t: TestContext, { allow = [], ...changes }: SenderChanges = {}): Sender {
  const rules = egressRules({ allow, own: () => [], target: new URL('http://127.0.0.1:11434') })
  const times = { timeoutMs: 120_000, connectTimeoutMs: 60_000 }
  const sender = new Sender({
    rules,
    ...times,
    userAgent: 'Foreman-Webhooks/test',
    viaProxy: false,
    ...changes
  })
  t.after(() => sender.close())
  return sender
}

/** Posts `{}` to one receiver on 127.0.0.1, which the sender is allowed to reach. */
export async function sendTo(
  t: TestContext,
  behave: Behaviour,
  changes: SenderChanges = {}
): Promise<{ answer: Answer; to: Receiver; sender: Sender }> {
  const to = await receiver(t, behave)
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`], ...changes })
  return { answer: await post(sender, `http://127.0.0.1:${to.port}/hook`), to, sender }
}

/** Posts `{}`. */
export function post(sender: Sender, url: string, signal?: AbortSignal): Promise<Answer> {
  return sender.send({ url, headers: { 'content-type': 'application/json' }, body: '{}' }, signal)
}

/** A name server of the test's own, and the lookup that asks it. */
export async function names(
  t: TestContext,
  zone: Zone
): Promise<{ server: NameServer; lookup: ReturnType<typeof dnsLookup> }> {
  const server = await startNameServer(zone)
  t.after(() => server[Symbol.asyncDispose]())
  return { server, lookup: dnsLookup([server.address]) }
}

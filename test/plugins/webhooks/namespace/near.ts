/** The sender's side of the namespaces: sends as it is told, and tells what the kernel counted. */
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { setDefaultCACertificates } from 'node:tls'
import { egressRules } from '../../../../plugins/webhooks/egress/rules.ts'
import { Sender } from '../../../../plugins/webhooks/egress/sender.ts'
import { authority } from '../../../core/target/certificates.ts'
import { serve } from './program.ts'
import type { Sent } from './world.ts'

/** What the sender is made with. */
export interface Setup {
  readonly allow?: readonly string[]
  readonly own?: readonly { address: string; port: number }[]
  readonly target?: string
}

setDefaultCACertificates([authority])
let sender: Sender | undefined

/** Ends the sender that was, waits until nothing of it is on the way any more, and makes another. */
async function setUp({ allow = [], own = [], target = 'http://127.0.0.1:11434' }: Setup): Promise<void> {
  await sender?.close()
  while (isClosing()) await setImmediate()
  const rules = egressRules({ allow, own: () => own, target: new URL(target) })
  const times = { timeoutMs: 5000, connectTimeoutMs: 1000 }
  sender = new Sender({ rules, ...times, userAgent: 'Foreman-Webhooks/test', viaProxy: false })
}

/** Whether a connection still has something to say: all but listening ones (0A) and those long over (06). */
function isClosing(): boolean {
  const lines = ['tcp', 'tcp6'].flatMap(name =>
    readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1)
  )
  const states = lines.filter(line => line !== '').map(line => line.trim().split(/ +/)[3])
  return states.some(state => state !== '0A' && state !== '06')
}

/** A connection without any guard, up to an answer, by when the other side has counted it too. */
function dialUnguarded({ host, port }: { host: string; port: number }): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ host, port })
  socket.once('connect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
  socket.once('data', () => resolve('answered'))
  socket.once('error', error => resolve(error.message))
  return promise.finally(() => socket.destroy())
}

function countSent(): Sent {
  const packets = (name: string) =>
    Number(readFileSync(`/sys/class/net/${name}/statistics/tx_packets`, 'utf8'))
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter(line => line.startsWith('Tcp:'))
    .map(line => line.split(' '))
  const connections = Number(values![names!.indexOf('ActiveOpens')])
  return { wild: packets('wild'), open: packets('open'), lo: packets('lo'), connections }
}

let heard = 0
async function listen(port: number): Promise<void> {
  const server = createServer(socket => {
    heard += 1
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(port, '::', resolve))
}

serve({
  setUp,
  listen,
  dialUnguarded,
  countSent,
  heard: () => heard,
  send: async (url: string) => {
    const { response, ...answer } = await sender!.send({ url, headers: {}, body: '{}' })
    return { ...answer, response: response.toString() }
  }
})

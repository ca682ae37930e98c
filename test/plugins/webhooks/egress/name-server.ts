/** A DNS server over UDP whose answers a test decides, as a stranger's name server does. Source: RFC 1035 section 4. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'

/** The addresses of a name, of either family; none means that there is no such name; undefined means silence. */
export type Zone = (name: string, type: 'A' | 'AAAA') => readonly string[] | undefined

/** A running server. */
export interface NameServer extends AsyncDisposable {
  /** `address:port`, as a resolver wants it. */
  readonly address: string
  /** Every question so far, as `A name`. */
  readonly questions: string[]
}

const TYPES: Record<number, 'A' | 'AAAA'> = { 1: 'A', 28: 'AAAA' }
const NO_SUCH_NAME = 3

/** Starts one. `port` 0 is any that is free. */
export async function startNameServer(zone: Zone, host = '127.0.0.1', port = 0): Promise<NameServer> {
  const socket = createSocket('udp4')
  const questions: string[] = []
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = readQuestion(query)
    questions.push(`${type} ${name}`)
    const addresses = zone(name, type)
    if (addresses === undefined) return
    const fit = addresses.filter(address => isIPv4(address) === (type === 'A'))
    socket.send(answerTo(query.subarray(0, end), fit, addresses.length === 0), from.port, from.address)
  })
  socket.bind(port, host)
  await once(socket, 'listening')
  const close = async () => {
    socket.close()
    await once(socket, 'close')
  }
  return { address: `${host}:${socket.address().port}`, questions, [Symbol.asyncDispose]: close }
}

function readQuestion(query: Buffer): { name: string; type: 'A' | 'AAAA'; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[query.readUInt16BE(at + 1)] ?? 'A', end: at + 5 }
}

/** The head and the question come back as they were; the name in each record points at the question's. */
function answerTo(question: Buffer, addresses: readonly string[], unknown: boolean): Buffer {
  const head = Buffer.from(question)
  head.writeUInt16BE(0x8180 | (unknown ? NO_SUCH_NAME : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(addresses.length, 6)
  head.writeUInt32BE(0, 8)
  return Buffer.concat([head, ...addresses.map(recordOf)])
}

function recordOf(address: string): Buffer {
  const data = bytesOf(address)
  const record = Buffer.alloc(12)
  record.writeUInt16BE(0xc00c, 0)
  record.writeUInt16BE(isIPv4(address) ? 1 : 28, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([record, data])
}

function bytesOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text = '') => (text === '' ? [] : text.split(':'))
  const gap = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...new Array<string>(gap).fill('0'), ...groups(tail)]
  return Buffer.from(all.map(group => group.padStart(4, '0')).join(''), 'hex')
}

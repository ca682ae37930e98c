/**
 * Sends wrong tokens as fast as it can: `login-flooder.ts URL CONNECTIONS`, as a process of its own. Half of the
 * connections wait for each answer; the others leave at once and come again, since a refusal may be held back. It tells
 * its parent when it is told to wait for the first time, and at a message what came of it; then it ends.
 */
import { connect, type Socket } from 'node:net'
import { newId } from '../../core/jobs/ids.ts'
import { makeTokenText } from '../../plugins/auth/token-text.ts'

/** How many were sent, and how often it was answered with each status. */
export type Answered = Readonly<Record<string, number>>

const [url = '', connections = '1'] = process.argv.slice(2)
const { hostname, port, host } = new URL(url)
/** Of the right form, so that it is looked up. */
const token = makeTokenText(newId('tok')).text
const request = Buffer.from(
  `POST /api/chat HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 2\r\n\r\n{}`
)
const tooMany = '429'
const refusals = ['401', tooMany]
const headEnd = '\r\n\r\n'

const seen: Record<string, number> = { sent: 0 }

for (let one = 0; one < Number(connections); one++) one % 2 === 0 ? waitEach() : leaveEach()
process.once('message', () => process.send!(seen, () => process.exit()))

function waitEach(): void {
  const socket = open(waitEach)
  let text = ''
  socket.on('connect', () => send(socket))
  socket.on('data', bytes => {
    text += bytes.toString('latin1')
    if (!isWhole(text)) return
    count(text.slice('HTTP/1.1 '.length, 'HTTP/1.1 429'.length))
    if (/^connection: close\r$/im.test(text)) socket.destroy()
    else send(socket)
    text = ''
  })
}

/** With a reset: closed connections would use up the ports. */
function leaveEach(): void {
  const socket = open(leaveEach)
  socket.on('connect', () => send(socket, () => setImmediate(() => socket.resetAndDestroy())))
}

function open(again: () => void): Socket {
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.on('close', again)
  return socket
}

function send(socket: Socket, done?: () => void): void {
  seen.sent! += 1
  socket.write(request, done)
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf(headEnd)
  const length = /^content-length: (\d+)\r$/im.exec(answer)?.[1]
  return end >= 0 && answer.length >= end + headEnd.length + Number(length)
}

/** @throws {Error} where it was let in, or refused for another reason */
function count(status: string): void {
  if (!refusals.includes(status)) throw new Error(`a wrong token was answered with ${status}`)
  seen[status] = (seen[status] ?? 0) + 1
  if (status === tooMany && seen[tooMany] === 1) process.send!('flooding')
}

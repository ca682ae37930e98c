/** Clients of `GET /ws`: one that speaks frames, and one that is refused. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { EventObject } from '../../../plugins/jobs/event-object.ts'
import type { Scope } from '../../helpers/foreman.ts'

/** A frame of the server's. */
export interface Frame {
  readonly op: 'ack' | 'event' | 'gap' | 'end' | 'error' | 'pong' | 'bye'
  readonly ref?: string
  readonly sub?: string
  readonly id?: string
  readonly event?: EventObject
  readonly state?: string
  readonly problem?: { readonly code: string; readonly status: number; readonly request_id: string }
  readonly reason?: string
  readonly retry_after_s?: number | null
  readonly oldest_seq?: number
  readonly snapshot_seq?: number | null
}

/** How a socket ended. */
export interface Closed {
  readonly code: number
  readonly reason: string
}

/** How to open one. */
export interface OpenOptions {
  /** Follows `/ws`. */
  readonly query?: string
  /** Defaults to `foreman.v1`. */
  readonly protocols?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** Defaults to true. */
  readonly autoPong?: boolean
}

const patienceMs = 20_000

function made(url: string, { query = '', protocols, headers = {}, autoPong = true }: OpenOptions): WebSocket {
  const address = `${url.replace('http', 'ws')}/ws${query}`
  return new WebSocket(address, [...(protocols ?? ['foreman.v1'])], { headers, autoPong })
}

/** An open socket. It keeps every frame that came. */
export class Client {
  readonly ws: WebSocket
  readonly frames: Frame[] = []
  readonly closed: Promise<Closed>

  private constructor(ws: WebSocket) {
    this.ws = ws
    ws.setMaxListeners(0)
    ws.on('message', data => {
      const frame = JSON.parse(String(data)) as Frame
      this.frames.push(frame)
      ws.emit('frame', frame)
    })
    ws.on('error', () => {})
    this.closed = once(ws, 'close').then(([code, reason]) => ({ code, reason: String(reason) }))
  }

  /** Opens one; it is gone when the test is over. */
  static async open(t: Scope, url: string, options: OpenOptions = {}): Promise<Client> {
    const ws = made(url, options)
    const client = new Client(ws)
    t.after(() => ws.terminate())
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve)
      ws.once('unexpected-response', (_request, { statusCode }) =>
        reject(new Error(`answered ${statusCode}`))
      )
    })
    return client
  }

  /** Sends a frame. */
  send(frame: object | string): this {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
    return this
  }

  /** The first frame, past or to come, that fits. @throws {Error} where the socket ends before */
  async until(fits: (frame: Frame) => boolean): Promise<Frame> {
    const found = this.frames.find(fits)
    if (found !== undefined) return found
    const late = AbortSignal.timeout(patienceMs)
    return new Promise((resolve, reject) => {
      const fail = () =>
        settle(() => reject(new Error(`no such frame: ${JSON.stringify(this.frames.slice(-3))}`)))
      const look = (frame: Frame) => fits(frame) && settle(() => resolve(frame))
      const settle = (tell: () => void) => {
        this.ws.off('frame', look).off('close', fail)
        tell()
      }
      late.addEventListener('abort', fail)
      this.ws.on('frame', look).on('close', fail)
    })
  }

  /** The answer to the frame with this ref. */
  answer(ref: string): Promise<Frame> {
    return this.until(frame => frame.ref === ref)
  }

  /** The code of the problem that the frame with this ref met with. */
  async problem(ref: string): Promise<string | undefined> {
    return (await this.answer(ref)).problem?.code
  }

  /** The events of a subscription, once it has ended. */
  async story(sub: string): Promise<EventObject[]> {
    await this.until(frame => frame.op === 'end' && frame.sub === sub)
    return this.eventsOf(sub)
  }

  /** Its stored events so far. */
  eventsOf(sub: string): EventObject[] {
    return this.frames.filter(frame => frame.sub === sub && frame.id !== undefined).map(frame => frame.event!)
  }
}

/** An answer that is no socket. */
export interface Refused {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly code: string
}

/** Tries to open one that is refused. */
export function refused(url: string, options: OpenOptions = {}): Promise<Refused> {
  const ws = made(url, options)
  return new Promise((resolve, reject) => {
    ws.once('open', () => {
      ws.terminate()
      reject(new Error('it was opened'))
    })
    ws.once('error', reject)
    ws.once('unexpected-response', async (_request, answer) => {
      const { code } = JSON.parse(Buffer.concat(await answer.toArray()).toString())
      resolve({ status: answer.statusCode!, headers: answer.headers, code })
    })
  })
}

/** A connection below all that: bytes go out as they are. */
export class RawClient {
  readonly socket: Socket
  text = ''

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1').on('data', (piece: string) => {
      this.text += piece
      socket.emit('more')
    })
    socket.on('error', () => {})
  }

  /** Connects; it is gone when the test is over. */
  static async connect(t: Scope, url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Opens a socket on it, past the library. */
  static async upgraded(t: Scope, url: string, query = ''): Promise<RawClient> {
    const client = await RawClient.connect(t, url)
    client.write(upgradeRequest(url, `/ws${query}`))
    await client.reads(/\r\n\r\n/)
    assert.match(client.text, /^HTTP\/1.1 101 /)
    return client
  }

  write(bytes: string | Buffer): this {
    this.socket.write(bytes)
    return this
  }

  /** Waits until what came fits. */
  async reads(fits: RegExp): Promise<string> {
    const late = AbortSignal.timeout(patienceMs)
    while (!fits.test(this.text)) await once(this.socket, 'more', { signal: late })
    return this.text
  }
}

/** The head of a request for a socket. */
export function upgradeRequest(
  url: string,
  path: string,
  fields: Readonly<Record<string, string>> = {}
): string {
  const all = {
    host: new URL(url).host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': 'foreman.v1',
    ...fields
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** A text frame of a client's, masked by zeros. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  assert.ok(payload.length < 126)
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

/**
 * The fake Ollama as an HTTP server: takes requests, guards, routes, records.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type FakeConfig, patchConfig, resolveConfig } from './config.ts'
import { control } from './control/control.ts'
import { World } from './control/world.ts'
import { Faults, headerFaults, takeFaults } from './faults.ts'
import { Call, HttpError, NativeShapeError } from './http/call.ts'
import { FaultDone, strikeEarly } from './http/early-faults.ts'
import { errorBody } from './http/errors.ts'
import { guard } from './http/guards.ts'
import { cleanPath, redirect } from './http/redirects.ts'
import { Wire } from './http/wire.ts'
import { CloudError } from './native/lookup.ts'
import { ClientGoneError } from './pause.ts'
import { type ErrorShape, matchRoute } from './routes.ts'

const PLAIN_TEXT = 'text/plain'

/** One running fake. */
export class FakeServer {
  readonly #startConfig: FakeConfig
  readonly #http: Server
  readonly #connections = new WeakMap<Socket, number>()
  readonly #calls = new Set<Call>()
  #connectionCount = 0
  #world: World

  constructor(config: Partial<FakeConfig>) {
    this.#startConfig = resolveConfig(config)
    this.#world = new World(this.#startConfig)
    this.#http = createServer((request, response) => void this.#serve(request, response))
    // Go's server, as Ollama sets it up, has no time limits at all.
    Object.assign(this.#http, { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 })
    this.#http.on('connection', (socket: Socket) => this.#connections.set(socket, ++this.#connectionCount))
  }

  get world(): World {
    return this.#world
  }

  /** Starts to listen on 127.0.0.1. Resolves with the base URL. */
  async listen(): Promise<string> {
    const { port } = this.#startConfig
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
    const address = this.#http.address()
    if (address === null || typeof address === 'string') throw new Error('no TCP address')
    return `http://127.0.0.1:${address.port}`
  }

  /** Stops at once, open connections included. */
  close(): void {
    this.#world.scheduler.clear()
    this.#world.recorder.close()
    this.#http.close()
    this.#http.closeAllConnections()
  }

  /** Begins anew with the settings of the start, changed by `patch`; requests on their way are cut. */
  reset(patch: Partial<FakeConfig>): void {
    const config = patchConfig(this.#startConfig, patch)
    for (const call of this.#calls) call.wire.cut(false)
    this.#world.scheduler.clear()
    this.#world.recorder.close()
    this.#world = new World(config)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/'
    const query = url.indexOf('?')
    const path = query === -1 ? url : url.slice(0, query)
    if (path.startsWith('/__fake/')) return control(this, request, response)
    const world = this.#world
    const record = world.requests.add(request, this.#connections.get(request.socket) ?? 0)
    const faults = new Faults()
    const wire = new Wire(response, faults)
    const call = new Call({ world, number: record.number, request, path, wire, faults })
    this.#calls.add(call)
    world.recorder.event('request', undefined, call.number, `${request.method} ${path}`)
    response.once('close', () => {
      this.#calls.delete(call)
      record.status = response.headersSent ? response.statusCode : undefined
      record.outcome = response.writableFinished ? 'answered' : 'client_gone'
      world.recorder.event(response.writableFinished ? 'response_end' : 'client_gone', undefined, call.number)
      if (!response.writableFinished) call.controller.abort(new ClientGoneError())
    })
    try {
      call.body = await readBody(request)
      world.requests.addBody(record, call.body)
      world.recorder.body(call.number, call.body)
      await route(call)
    } catch (error) {
      if (isExpected(error)) return
      // A bug of the fake itself: told loudly, and never taken for something that Ollama said.
      console.error('fake Ollama:', error)
      if (wire.started) wire.cut(true)
      else call.json(500, { error: `fake Ollama failed: ${(error as Error).stack}` })
    }
  }
}

function isExpected(error: unknown): boolean {
  return error instanceof ClientGoneError || error instanceof FaultDone
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk)
  } catch {
    throw new ClientGoneError()
  }
  return Buffer.concat(chunks)
}

async function route(call: Call): Promise<void> {
  const { world, wire, request, path } = call
  call.faults.add(
    ...headerFaults(request.headers['x-fake-fault']),
    ...takeFaults(world.config.faults, path, undefined)
  )
  const clean = cleanPath(path)
  if (clean !== path) return redirect(call, 307, clean)
  const match = world.config.missing_routes.includes(path)
    ? undefined
    : matchRoute(request.method ?? '', path)
  const twin = match === undefined ? slashTwin(call) : undefined
  if (twin !== undefined) return redirect(call, request.method === 'GET' ? 301 : 307, twin)
  if (match !== undefined && 'allow' in match) wire.header('Allow', match.allow.join(', '))
  if (guard(request, wire, world.config)) return
  if (match === undefined) return wire.reply(404, PLAIN_TEXT, '404 page not found')
  if ('allow' in match) return wire.reply(405, PLAIN_TEXT, '405 method not allowed')
  Object.assign(call.params, match.params)
  try {
    await strikeEarly(call)
    await match.handler(call)
  } catch (error) {
    refuse(call, match.shape, error)
  }
}

/** The path with a slash more or less at its end, if that one has a route for the method. */
function slashTwin(call: Call): string | undefined {
  const twin = call.path.endsWith('/') ? call.path.slice(0, -1) : `${call.path}/`
  if (call.world.config.missing_routes.includes(twin)) return undefined
  const match = matchRoute(call.request.method ?? '', twin)
  return match !== undefined && 'handler' in match ? twin : undefined
}

function refuse(call: Call, shape: ErrorShape, error: unknown): void {
  if (error instanceof NativeShapeError) return refuse(call, 'native', error.cause)
  if (!(error instanceof HttpError) || call.wire.started) throw error
  const extra = error instanceof CloudError ? error.extra : undefined
  call.json(error.status, errorBody(shape, error.status, error.message, extra))
}

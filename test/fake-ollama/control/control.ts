/**
 * The fake's own routes under `/__fake/`, which the real server does not have.
 *
 * GET `state`, GET `events?since=N&wait_ms=T`, POST `configure`, `reset`, `crash`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { displayName, parseModelName } from '../catalog/model-name.ts'
import type { FakeServer } from '../server.ts'
import type { FakeEvent, FakeEventType, Gauge } from './recorder.ts'
import type { RequestRecord } from './request-log.ts'
import type { World } from './world.ts'

/** What `GET /__fake/state` tells. */
export interface FakeState {
  /** Monotonic ms since the fake started, the clock of every `at_ms`. */
  now_ms: number
  /** Models in memory, by the name `/api/ps` shows. */
  resident: { model: string; weights: string; users: number; num_ctx: number; keep_alive_ms: number | null }[]
  /** Model being loaded. */
  loading: string | null
  /** Requests waiting for a load. */
  queue_depth: number
  /** Loads since the start or the last reset. */
  loads: number
  loads_by_model: Record<string, number>
  /** Generations and embeddings running at once, at most. */
  max_concurrent_generations: number
  concurrent_generations: number
  generations_by_model: Record<string, Gauge>
  /** How often each kind of event happened. */
  counts: Partial<Record<FakeEventType, number>>
  /** Requests ever received, `/__fake/` not counted. */
  request_count: number
  requests: RequestRecord[]
  events: FakeEvent[]
}

/** Answers a request to `/__fake/...`. */
export async function control(
  server: FakeServer,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const url = new URL(request.url ?? '', 'http://fake')
  try {
    const body = await readJson(request)
    send(
      response,
      200,
      await act(server, `${request.method} ${url.pathname.slice('/__fake/'.length)}`, url, body)
    )
  } catch (error) {
    send(response, 400, { error: (error as Error).message })
  }
}

async function act(
  server: FakeServer,
  action: string,
  url: URL,
  body: Record<string, unknown>
): Promise<unknown> {
  const { world } = server
  switch (action) {
    case 'GET state':
      return stateOf(world)
    case 'GET events': {
      const since = Number(url.searchParams.get('since') ?? 0)
      await world.recorder.waitBeyond(since, Number(url.searchParams.get('wait_ms') ?? 0))
      return { seq: world.recorder.seq, events: world.recorder.eventsSince(since) }
    }
    case 'POST configure':
      world.configure(body)
      return {}
    case 'POST reset':
      server.reset(body)
      return {}
    case 'POST crash':
      crash(world, String(body.model))
      return {}
    default:
      throw new Error(`no such control route: ${action}`)
  }
}

/** Kills the runner of a resident model. @throws {Error} when it is not resident. */
function crash(world: World, model: string): void {
  const name = parseModelName(model)
  const weights = name && world.catalog.find(name)?.weights
  const runner = world.scheduler.resident.find(resident => resident.entry.weights === weights)
  if (runner === undefined) throw new Error(`${model} is not in memory`)
  world.scheduler.crash(runner)
}

function stateOf(world: World): FakeState {
  const { scheduler, recorder, requests } = world
  return {
    now_ms: performance.now(),
    resident: scheduler.resident.map(runner => ({
      model: runner.shownName,
      weights: runner.entry.weights,
      users: runner.users.size,
      num_ctx: runner.options.num_ctx,
      // JSON has no Infinity: null is for ever.
      keep_alive_ms: runner.keepAliveMs === Infinity ? null : runner.keepAliveMs
    })),
    loading: scheduler.loading === undefined ? null : displayName(scheduler.loading.name),
    queue_depth: scheduler.queueDepth,
    loads: recorder.counts.load ?? 0,
    loads_by_model: recorder.loadsByModel,
    max_concurrent_generations: recorder.generations.max,
    concurrent_generations: recorder.generations.current,
    generations_by_model: recorder.generationsByModel,
    counts: recorder.counts,
    request_count: requests.count,
    requests: requests.records(),
    events: recorder.eventsSince(0)
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? {} : JSON.parse(text)
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

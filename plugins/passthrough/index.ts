/**
 * passthrough: foreman as an Ollama server.
 *
 * Owns every route of the target: `/`, `/api/…`, `/v1/…`, and `/jobs/{id}/stream`. Calls that use a model become attached jobs; all else goes
 * straight to the target. With `Prefer: respond-async` the plugin jobs, where it is on, makes a job without a
 * connection of a native one. Bytes pass unchanged both ways, but for a client's `keep_alive` value. It never answers
 * for the target where the target has words of its own.
 */
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'
import { requireModel } from '../../core/access/limits.ts'
import { BadRequestError, type ForemanError, LeavesThisMachineError } from '../../core/errors.ts'
import { headerValue, toFields } from '../../core/target/headers.ts'
import { type Inference, readInference } from '../../core/target/inference.ts'
import type { MalformedBody } from '../../core/target/json-bind.ts'
import { admit, type Leaving } from './admit.ts'
import { describe } from './api.ts'
import { attach } from './attach.ts'
import { backgroundErrors, backgroundOf, handOver } from './background.ts'
import { forward } from './forward.ts'
import { addKeptStreamRoute } from './kept-stream-route.ts'
import { KeptStreams } from './kept-streams.ts'
import { operations } from './operations.ts'
import { configOf, type NativeRoute, nativeRoutes, type RouteClass } from './routes.ts'
import { forwardOrRecall, hasHead, isList } from './stale-lists.ts'

export const configSchema = Type.Object(
  {
    allow: Type.Array(Type.Enum(['account', 'cloud', 'web_search']), {
      default: [],
      description:
        'What leaves this machine and is refused unless listed: account routes, cloud models, the web search tool.'
    }),
    stale_lists: Type.Boolean({
      default: true,
      description:
        'While the target is away its last lists of models are shown, marked by Foreman-Stale; false: 502.'
    }),
    stream_stall_s: Type.Number({
      minimum: 0.1,
      maximum: 3600,
      default: 60,
      description: 'A reader of a kept answer that takes nothing for so long is cut off.'
    })
  },
  { additionalProperties: false }
)

/** What the plugin can be told. */
export type PassthroughConfig = Static<typeof configSchema>

type BodyRequest = FastifyRequest<{ Body: Buffer }>

const secondMs = 1000
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

export default fp<PassthroughConfig>(
  async (app, config) => {
    const kept = new KeptStreams(app)
    app.addHook('preClose', async () => kept.close())
    await app.register(async scope => addForwarded(scope, config))
    await app.register(async scope => addInference(scope, config, kept))
    await app.register(async scope => addKeptStreamRoute(scope, kept, config.stream_stall_s * secondMs))
  },
  {
    name: 'passthrough',
    fastify: '5.x',
    decorators: {
      fastify: [
        ...['settings', 'queue', 'target', 'catalog', 'db', 'jobs', 'jobEvents', 'streamSlots', 'telemetry'],
        ...['loadedModels', 'reachability', 'targetVersion', 'contexts']
      ]
    }
  }
)

/** Everything that uses no model, and wrong methods everywhere: the target answers those by itself. */
function addForwarded(scope: FastifyInstance, { allow, stale_lists }: PassthroughConfig): void {
  readAnyType(scope)
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const route of nativeRoutes) {
    const needs = permissionFor(route.class)
    const refused = needs !== undefined && !allow.includes(needs)
    const handler = (request: FastifyRequest, reply: FastifyReply) => {
      if (refused) throw notAllowed(needs)
      return forward(scope.target, request, reply)
    }
    const { method: itsMethod } = operations[route.path]!
    const own = listHandler(scope, route, stale_lists) ?? handler
    const untold = { url: route.path, schema: { hide: true }, config: configOf(route) }
    // First, so that Fastify makes none of its own of a GET.
    scope.route({ ...untold, method: 'HEAD', handler: hasHead(route.path) ? own : handler })
    const others = methods.filter(method => method !== itsMethod && method !== 'HEAD')
    scope.route({ ...untold, method: others, handler })
    if (route.class !== 'inference') {
      scope.route({ method: itsMethod, url: route.path, config: told(scope, route), handler: own })
    }
    // The target redirects those to the route itself.
    if (route.path !== '/') {
      scope.all(`${route.path}/`, { schema: { hide: true }, config: configOf(route) }, (request, reply) =>
        forward(scope.target, request, reply)
      )
    }
  }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Of routes that show or change what is installed. */
function listHandler(
  scope: FastifyInstance,
  { path, class: kind }: NativeRoute,
  staleLists: boolean
): Handler | undefined {
  if (staleLists && isList(path)) return (request, reply) => forwardOrRecall(scope, path, request, reply)
  // A blob is no model yet.
  if (kind !== 'management' || path.startsWith('/api/blobs/')) return undefined
  return async (request, reply) => {
    await forward(scope.target, request, reply)
    // What was changed is known before anybody asks; a failure is told by `failed`.
    scope.catalog.refresh().catch(() => {})
  }
}

/** Other methods than its own are no part of the API: what the target says to those, it says. */
function told(scope: FastifyInstance, route: NativeRoute): FastifyContextConfig {
  const api = describe(route, operations[route.path]!, backgroundErrors(scope))
  return { ...configOf(route), api }
}

/** The target reads every body whatever its type says, also where that is none Fastify can read. */
function readAnyType(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addHook('onRequest', (request, _reply, done) => {
    delete request.headers['content-type']
    done()
  })
}

function permissionFor(kind: RouteClass): 'account' | 'cloud' | undefined {
  return kind === 'account' || kind === 'cloud' ? kind : undefined
}

function notAllowed(what: Leaving): ForemanError {
  return new LeavesThisMachineError(`list "${what}" in plugins.passthrough.allow to let it through`)
}

/** What uses a model: read as the target reads it, then queued. */
function addInference(scope: FastifyInstance, { allow }: PassthroughConfig, kept: KeptStreams): void {
  readAnyType(scope)
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  for (const route of nativeRoutes.filter(({ class: kind }) => kind === 'inference')) {
    scope.post(route.path, { config: told(scope, route) }, (request: BodyRequest, reply) =>
      answer(scope, request, reply, allow, kept)
    )
  }
}

async function answer(
  app: FastifyInstance,
  request: BodyRequest,
  reply: FastifyReply,
  allow: Leaving[],
  kept: KeptStreams
) {
  request.body ??= Buffer.alloc(0)
  const inference = read(request)
  if (inference.malformed) {
    if (!inference.forward) throw new BadRequestError(inference.detail)
    return forward(app.target, request, reply, request.body)
  }
  for (const model of inference.models) requireModel(request.caller, model)
  const background = backgroundOf(app, request, inference)
  const raised = app.contexts.raised(inference)
  const deciding = admit(app.catalog, raised, allow)
  const admission = deciding instanceof Promise ? await deciding : deciding
  if (admission.to === 'refuse') throw notAllowed(admission.as)
  if (admission.to === 'queue') {
    if (background !== undefined) return handOver(background, request, reply, inference, admission)
    return attach(app, request, reply, inference, admission, kept)
  }
  await forward(app.target, request, reply, request.body)
  if (admission.unloads) await app.queue.lookAtTarget()
}

function read({ url, body, raw, routeOptions }: BodyRequest): Inference | MalformedBody {
  const fields = toFields(raw.rawHeaders)
  // The route, not the path of the request: that may spell it with percent signs.
  return readInference(routeOptions.url!, body, {
    contentType: headerValue(fields, 'content-type'),
    // Of several the target takes the first.
    contentEncoding: headerValue(fields, 'content-encoding'),
    query: url.split('?', 2)[1]
  })
}

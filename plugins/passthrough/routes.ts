/**
 * The routes of the target that foreman fronts, by what foreman does with them.
 * Source: ollama/ollama server/routes.go, `GenerateRoutes`.
 */
import type { FastifyContextConfig } from 'fastify'
import type { AccessRule } from '../../core/access/access.ts'
import { inferenceRoutes } from '../../core/target/inference.ts'

/**
 * `inference`: uses a model, becomes a job. `read`: answered by the target at once, never queued. `management`:
 * changes what is installed. `account`, `cloud`: acts at ollama.com in the target's name, refused unless allowed.
 */
export type RouteClass = 'inference' | 'read' | 'management' | 'account' | 'cloud'

/** One path of the target, as Fastify writes it. */
export interface NativeRoute {
  readonly path: string
  readonly class: RouteClass
}

const paths: Readonly<Record<RouteClass, readonly string[]>> = {
  inference: inferenceRoutes.map(route => route.path),
  read: [
    '/',
    '/api/version',
    '/api/tags',
    '/api/ps',
    '/api/show',
    '/api/status',
    '/v1/models',
    '/v1/models/:model'
  ],
  management: ['/api/pull', '/api/push', '/api/create', '/api/copy', '/api/delete', '/api/blobs/:digest'],
  account: ['/api/me', '/api/signout', '/api/user/keys/:key'],
  cloud: [
    '/api/experimental/web_search',
    '/api/experimental/web_fetch',
    '/api/experimental/model-recommendations'
  ]
}

/** Every route, each once. */
export const nativeRoutes: readonly NativeRoute[] = Object.entries(paths).flatMap(([name, list]) =>
  list.map(path => ({ path, class: name as RouteClass }))
)

const accessByClass: Readonly<Record<RouteClass, AccessRule>> = {
  inference: 'inference',
  read: 'inference',
  management: 'models:write',
  account: 'admin',
  cloud: 'inference'
}

/**
 * What a caller needs for a route, and what using it is called in the audit log where it changes what is installed. Clients
 * look whether anybody is there (`HEAD /`) before they show who they are.
 */
export function configOf({ path, class: kind }: NativeRoute): FastifyContextConfig {
  if (path === '/') return { access: 'open' }
  const access = accessByClass[kind]
  return kind === 'management' ? { access, audit: `model.${path.split('/')[2]}` } : { access }
}

/** What a caller may do. */

/**
 * `inference`: the native and `/v1` routes, reads included. `models:read`, `models:write`: look at and change what the
 * target has. `jobs:read`, `jobs:write`: jobs, their events and streams, the queue. `webhooks`: who is told of jobs, and how that
 * went. `admin`: all of them, every owner.
 */
export const scopes = [
  'inference',
  'models:read',
  'models:write',
  'jobs:read',
  'jobs:write',
  'artifacts',
  'webhooks',
  'metrics',
  'admin'
] as const

/** One of {@link scopes}. */
export type Scope = (typeof scopes)[number]

const implied: Readonly<Partial<Record<Scope, readonly Scope[]>>> = {
  inference: ['models:read'],
  admin: scopes
}

/** The scopes that were given, and those that come with them. */
export function withImplied(given: Iterable<Scope>): ReadonlySet<Scope> {
  const all = [...given]
  return new Set([...all, ...all.flatMap(scope => implied[scope] ?? [])])
}

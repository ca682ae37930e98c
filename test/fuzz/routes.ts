/** Every route of an app with its schemas, as the app itself declares them: a new one is there without being told. */
import { channel } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import type { TSchema } from 'typebox'

/** One method of one route. */
export interface Route {
  readonly method: string
  /** With `:name` where a parameter stands. */
  readonly url: string
  readonly schema: {
    /** The schema itself, or one for each content type. */
    readonly body?: TSchema | { readonly content: Readonly<Record<string, { readonly schema: TSchema }>> }
    readonly querystring?: TSchema
    readonly response?: Readonly<Record<string, TSchema>>
  }
}

/** Builds an app and notes each route that it adds. Only one app may be built meanwhile. */
export async function withRoutes<T>(build: () => Promise<T>): Promise<{ built: T; routes: Route[] }> {
  const routes: Route[] = []
  // Fastify tells of each instance as it is made, before anything is added to it.
  const initialization = channel('fastify.initialization')
  const note = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url, schema }) => {
      for (const one of [method].flat())
        routes.push({ method: one, url, schema: (schema ?? {}) as Route['schema'] })
    })
  }
  initialization.subscribe(note)
  try {
    return { built: await build(), routes }
  } finally {
    initialization.unsubscribe(note)
  }
}

/** The schema of the body, where it has one. */
export function bodySchemaOf({ schema: { body } }: Route): TSchema | undefined {
  return body !== undefined && 'content' in body ? Object.values(body.content)[0]?.schema : body
}

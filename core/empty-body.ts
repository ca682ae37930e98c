/** Routes whose bodies say nothing that must be said take none as well. */
import type { FastifyRequest } from 'fastify'

/** A `preValidation` hook: no body is an empty one. */
export async function emptyBody(request: FastifyRequest): Promise<void> {
  request.body ??= {}
}

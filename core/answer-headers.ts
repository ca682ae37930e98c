/** What every answer of foreman's own carries. The target's answers pass without: they are its own to the byte. */
import type { FastifyInstance } from 'fastify'

/** A browser takes an answer for what its type says, whatever is in it: an upload, a model's words. */
export const ownHeaders = { 'x-content-type-options': 'nosniff' } as const

/** Adds them to what goes out by the framework. Answers that pass it by have them from the renderer of errors. */
export function addOwnHeaders(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    // An unknown route of the target's is answered in its words, and they come with its headers.
    const isTargets = request.is404 && !reply.hasHeader('foreman-error-code')
    if (!isTargets) reply.headers(ownHeaders)
    done()
  })
}

/**
 * Errors: the catalogue, the one renderer, and what Fastify must be told to use them.
 *
 * Throw a class of the catalogue from any handler and the caller gets it in the shape of the route it called.
 */
export * from './errors/catalog.ts'
export {
  defineError,
  type ErrorDefinition,
  errorCodes,
  type FaultAt,
  type ForemanError,
  type ForemanErrorConstructor,
  isForemanError
} from './errors/define.ts'
export { answerError, installErrors, toForemanError } from './errors/fastify.ts'
export { type RenderedError, renderError, type Surface, surfaceOf } from './errors/render.ts'
export * from './errors/runs.ts'
export { answerUnreadable, newRequestId, refuseOn } from './errors/unreadable.ts'

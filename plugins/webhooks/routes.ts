/** Adds all routes of the plugin: those that read JSON, and those whose bodies are read and forgotten. */
import type { FastifyInstance } from 'fastify'
import { schemaValidator } from '../../core/schema-validator.ts'
import { addDeliveryRoutes } from './delivery-routes.ts'
import { addEndpointOrders, addEndpointSwitches } from './endpoint-actions.ts'
import { addEndpointLooks, addEndpointRoutes } from './endpoint-routes.ts'
import type { Engine } from './engine.ts'
import { addSecretLooks, addSecretOrders } from './secret-routes.ts'

/** Clients send `{}` or nothing. */
const ignoredBodyBytes = 64 * 1024

/** Adds them. */
export async function addRoutes(app: FastifyInstance, engine: Engine): Promise<void> {
  await app.register(async scope => {
    useSchemas(scope)
    addEndpointRoutes(scope, engine)
    addEndpointOrders(scope, engine)
    addSecretOrders(scope, engine)
  })
  await app.register(async scope => {
    useSchemas(scope)
    scope.removeAllContentTypeParsers()
    const options = { parseAs: 'buffer', bodyLimit: ignoredBodyBytes } as const
    scope.addContentTypeParser('*', options, (_request, _body, done) => done(null))
    addEndpointLooks(scope, engine)
    addEndpointSwitches(scope, engine)
    addDeliveryRoutes(scope, engine)
    addSecretLooks(scope, engine)
  })
}

/** The answers have schemas for the sake of documentation: they are made right, so nothing is cut from them. */
function useSchemas(scope: FastifyInstance): void {
  scope.setValidatorCompiler(schemaValidator())
  scope.setSerializerCompiler(() => data => JSON.stringify(data))
}

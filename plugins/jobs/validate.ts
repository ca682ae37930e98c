/** Holds the bodies and queries of these routes against their schemas. */
import type { TSchema } from 'typebox'
import { bodyCheck as checkOf, schemaValidator } from '../../core/schema-validator.ts'

const details = {
  '/idempotency_key': 'here the key goes into the header Idempotency-Key'
}

/** Fastify's validator for the routes. */
export const validatorCompiler = schemaValidator(details)

/** A check of bodies that do not come by Fastify. @throws {ValidationFailedError} */
export const bodyCheck = <S extends TSchema>(schema: S) => checkOf(schema, details)

/** Holds bodies and queries against their schemas, and tells every fault by a JSON pointer. */
import type { FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import Value from 'typebox/value'
import { type FaultAt, type ForemanError, ValidationFailedError } from './errors.ts'

type SchemaError = ReturnType<typeof Value.Errors>[number]

const mostFaults = 10
/** A pointer has names of the caller's own in it. */
const longestPointer = 200

/** Words for fields that are not there, by their pointer. */
export type FieldDetails = Readonly<Record<string, string>>

/** Fastify's validator for schemas of TypeBox. Nothing is removed and nothing filled in; a query's numbers are read. */
export function schemaValidator(details: FieldDetails = {}): FastifySchemaCompiler<TSchema> {
  return ({ schema, httpPart }) => {
    const compiled = Compile(schema)
    const isBody = httpPart === 'body'
    return input => {
      const value = isBody ? input : Value.Convert(schema, input)
      if (compiled.Check(value)) return { value }
      return { error: toError(compiled.Errors(value as never), details, isBody ? '' : (httpPart ?? '')) }
    }
  }
}

/** A check of bodies that do not come by Fastify, lines for example. @throws {ValidationFailedError} with every fault */
export function bodyCheck<S extends TSchema>(
  schema: S,
  details: FieldDetails = {}
): (body: unknown) => Static<S> {
  const compiled = Compile(schema)
  return body => {
    if (compiled.Check(body)) return body as Static<S>
    throw toError(compiled.Errors(body as never), details, '')
  }
}

function toError(errors: SchemaError[], details: FieldDetails, where: string): ForemanError {
  const faults = errors.flatMap(error => faultsOf(error, details)).slice(0, mostFaults)
  const { pointer, detail } = faults[0] ?? { pointer: '', detail: 'is not valid' }
  const error = new ValidationFailedError([where + pointer, detail].filter(part => part !== '').join(' '))
  // A JSON pointer can only point into the body; elsewhere the detail says where the fault is.
  error.faults = where === '' ? faults : faults.map(fault => inWords(fault, where))
  return error
}

function inWords({ pointer, detail }: FaultAt, where: string): FaultAt {
  return { pointer: '', detail: `${where}${pointer} ${detail}` }
}

/** TypeBox tells an unknown name twice: as `boolean`, and, unless eight faults were told by then, in a list. */
function faultsOf({ keyword, instancePath, params, message }: SchemaError, details: FieldDetails): FaultAt[] {
  if (keyword === 'additionalProperties') return []
  if (keyword === 'required')
    return missingNames(params).map(name => missing(`${instancePath}/${escapeName(name)}`))
  const pointer = cut(instancePath)
  if (keyword !== 'boolean') return [{ pointer, detail: detail(keyword, params, message) }]
  return [{ pointer, detail: details[pointer] ?? 'there is no such field, or its name is too long' }]
}

function missingNames(params: object): string[] {
  return (params as { requiredProperties: string[] }).requiredProperties
}

function missing(pointer: string): FaultAt {
  return { pointer: cut(pointer), detail: 'is missing' }
}

function detail(keyword: string, params: object, message: string): string {
  if (keyword !== 'enum') return message
  return `must be one of ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}`
}

function escapeName(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function cut(pointer: string): string {
  return pointer.length <= longestPointer ? pointer : `${pointer.slice(0, longestPointer)}…`
}

/** Holds bodies and queries against their schemas, and tells every fault by a JSON pointer. */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import Value from 'typebox/value'
import { type FaultAt, type ForemanError, ValidationFailedError } from '../../core/errors.ts'

type SchemaError = ReturnType<typeof Value.Errors>[number]

const mostFaults = 10
/** A pointer has names of the caller's own in it. */
const longestPointer = 200

const detailsOf: Readonly<Record<string, string>> = {
  '/webhook': 'webhooks are not there yet',
  '/state_webhook_url': 'webhooks are not there yet'
}

/** Fastify's validator for schemas of TypeBox. Nothing is removed and nothing filled in; a query's numbers are read. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema)
  const isBody = httpPart === 'body'
  return input => {
    const value = isBody ? input : Value.Convert(schema, input)
    if (compiled.Check(value)) return { value }
    return { error: toError(compiled.Errors(value as never), isBody ? '' : (httpPart ?? '')) }
  }
}

function toError(errors: SchemaError[], where: string): ForemanError {
  const faults = errors.flatMap(faultsOf).slice(0, mostFaults)
  const { pointer, detail } = faults[0] ?? { pointer: '', detail: 'is not valid' }
  const error = new ValidationFailedError([where + pointer, detail].filter(part => part !== '').join(' '))
  // A JSON pointer can only point into the body; elsewhere the detail says where the fault is.
  error.faults = where === '' ? faults : faults.map(fault => inWords(fault, where))
  return error
}

function inWords({ pointer, detail }: FaultAt, where: string): FaultAt {
  return { pointer: '', detail: `${where}${pointer} ${detail}` }
}

/** TypeBox tells an unknown name twice: once as `boolean`, once in a list of all of them. */
function faultsOf({ keyword, instancePath, params, message }: SchemaError): FaultAt[] {
  if (keyword === 'boolean') return []
  const names = namesIn(params, keyword === 'required' ? 'requiredProperties' : 'additionalProperties')
  if (names === undefined) return [{ pointer: cut(instancePath), detail: detail(keyword, params, message) }]
  const problem = keyword === 'required' ? 'is missing' : 'there is no such field, or its name is too long'
  return names.map(name => {
    const pointer = `${instancePath}/${escapeName(name)}`
    return { pointer: cut(pointer), detail: detailsOf[pointer] ?? problem }
  })
}

function namesIn(params: object, name: string): string[] | undefined {
  const names = (params as Record<string, unknown>)[name]
  return Array.isArray(names) ? names.slice(0, mostFaults).map(String) : undefined
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

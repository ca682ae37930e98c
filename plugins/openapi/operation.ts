/** Makes one operation of what @fastify/swagger knows of a route and of what the route says of itself. */
import type { RouteOptions } from 'fastify'
import type { Access } from '../../core/access/access.ts'
import type { AnswerWords, ApiDescription, Bodies, Examples } from '../../core/api-description.ts'
import type { ErrorAnswers } from './error-answers.ts'
import { needOf, securityOf } from './security.ts'

/** A body as a document has it. */
interface Media {
  schema?: unknown
  examples?: Record<string, { value: unknown }>
}

/** An answer as a document has it. */
export interface Answer {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, Media>
}

/** An operation as a document has it. */
export interface Operation {
  operationId?: string
  summary?: string
  tags?: readonly string[]
  description?: string
  externalDocs?: { url: string }
  parameters?: object[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
  security?: object[]
  responses: Record<string, Answer | { $ref: string }>
}

const jsonType = 'application/json'

/** Completes `operation`, which has what the schemas of its route say. */
export function tellOperation(
  operation: Operation,
  route: RouteOptions,
  access: Access,
  errors: ErrorAnswers
): void {
  const api = route.config?.api
  if (api !== undefined) tellWords(operation, api)
  operation.security = securityOf(route, access)
  const about = api === undefined ? operation.description : api.description
  const words = [needOf(route, access), about].filter(part => part !== undefined)
  if (words.length > 0) operation.description = words.join(' ')
  Object.assign(operation.responses, errors.of(route, operation.requestBody !== undefined))
}

function tellWords(operation: Operation, api: ApiDescription): void {
  operation.operationId = api.operationId
  operation.summary = api.summary
  operation.tags = [api.tag]
  if (api.seeAlso !== undefined) operation.externalDocs = { url: api.seeAlso }
  const parameters = [
    ...(operation.parameters ?? []),
    ...Object.entries(api.query ?? {}).map(([name, schema]) => parameterOf('query', name, schema)),
    ...Object.entries(api.headers ?? {}).map(([name, schema]) => parameterOf('header', name, schema))
  ]
  if (parameters.length > 0) operation.parameters = parameters
  tellBody(operation, api)
  const told = operation.responses
  operation.responses = Object.fromEntries(
    Object.entries(api.answers).map(([status, answer]) => [
      status,
      answerOf(told[status] as Answer | undefined, answer)
    ])
  )
}

function parameterOf(place: 'query' | 'header', name: string, schema: object): object {
  const { description, ...rest } = schema as { description?: string }
  return { in: place, name, required: false, description, schema: rest }
}

function tellBody(operation: Operation, { bodies = {}, bodyIsOptional, examples }: ApiDescription): void {
  const content = { ...operation.requestBody?.content, ...mediaOf(bodies) }
  if (Object.keys(content).length === 0) return
  show(content[jsonType], examples)
  operation.requestBody = { required: bodyIsOptional !== true, content }
}

function answerOf(told: Answer | undefined, { means, headers, bodies = {}, examples }: AnswerWords): Answer {
  const content = { ...told?.content, ...mediaOf(bodies) }
  show(content[jsonType], examples)
  return {
    description: means,
    ...(headers && { headers: headersOf(headers) }),
    ...(Object.keys(content).length > 0 && { content })
  }
}

function mediaOf(bodies: Bodies): Record<string, Media> {
  return Object.fromEntries(
    Object.entries(bodies).map(([type, { schema, examples }]) => {
      const media: Media = { schema: structuredClone(schema) }
      show(media, examples)
      return [type, media]
    })
  )
}

function show(media: Media | undefined, examples: Examples | undefined): void {
  if (media === undefined || examples === undefined) return
  media.examples = Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]))
}

/** Headers of answers, all of them text, by what they tell. */
export function headersOf(words: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(words).map(([name, description]) => [name, { description, schema: { type: 'string' } }])
  )
}

/** Puts the document together: @fastify/swagger collects the routes and their schemas, the rest is said by the routes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FastifyDynamicSwaggerOptions, formatParamUrl } from '@fastify/swagger'
import type { RouteOptions } from 'fastify'
import type { Access } from '../../core/access/access.ts'
import { withComponents } from './components.ts'
import { ErrorAnswers, errorSchemas } from './error-answers.ts'
import { type Operation, tellOperation } from './operation.ts'
import { securitySchemes } from './security.ts'

/** As much of an OpenAPI document as is written here. */
export interface Document {
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}

interface Package {
  readonly version: string
  readonly license: string
}

const description = `Everything that foreman answers on its own port. Below \`/api\` and \`/v1\` it is an Ollama server.

**Clients must ignore fields, states and types of events that they do not know.** New ones come without a new version. Ids are
opaque. Times are RFC 3339 in UTC; durations are seconds and end in \`_s\`.

The stable code of an error is in the header \`Foreman-Error-Code\`. On foreman's own routes the body is a problem document
(RFC 9457) with the same \`code\`. What cannot be read as HTTP, or has too large a head, is answered with \`bad_request\` (400,
431) whatever it asks for.`

const tags = Object.entries({
  jobs: 'Work without a connection.',
  queue: 'What waits, and its switches.',
  models: 'What the target has installed and in memory.',
  artifacts: 'What jobs left behind, and what is handed in for them.',
  ollama: "Ollama's own routes. Those that use a model wait in the queue.",
  compatible: 'The routes of OpenAI and of Anthropic, as Ollama speaks them.',
  webhooks: 'Other programs are told what becomes of jobs.',
  tokens: 'Who may do what.',
  health: 'For supervisors and balancers.',
  metrics: 'For Prometheus.',
  reference: 'This description.'
}).map(([name, about]) => ({ name, description: about }))

/** Options of @fastify/swagger. The access of the app is looked at when the document is made. */
export function documentOptions(access: Access): FastifyDynamicSwaggerOptions {
  const routes: RouteOptions[] = []
  return {
    openapi: { openapi: '3.1.0', info: info(), servers: [{ url: '/' }], tags, components: {} },
    convertConstToEnum: false,
    transform: ({ schema, url, route }) => {
      routes.push(route)
      // Not all routes have a schema.
      return { schema: schema ?? {}, url }
    },
    transformObject: ({ openapiObject }: { openapiObject: unknown }) =>
      finish(openapiObject as Document, routes, access)
  } as FastifyDynamicSwaggerOptions
}

function info() {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')
  const { version, license }: Package = JSON.parse(text)
  return { title: 'foreman', version, description, license: { name: license, identifier: license } }
}

function finish(document: Document, routes: readonly RouteOptions[], access: Access): Document {
  const errors = new ErrorAnswers(access)
  for (const route of routes) {
    const methods = document.paths[formatParamUrl(route.url)] ?? {}
    // What can be read can be asked for its head.
    delete methods.head
    for (const method of [route.method].flat()) {
      const operation = methods[method.toLowerCase()]
      if (operation !== undefined) tellOperation(operation, route, access, errors)
    }
  }
  document.components = {
    schemas: errorSchemas(),
    responses: errors.components,
    securitySchemes: securitySchemes(access)
  }
  return withComponents(document)
}

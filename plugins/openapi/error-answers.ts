/** The errors that an operation can give: those that its route names, and those that any such route has. */
import type { RouteOptions } from 'fastify'
import type { Access } from '../../core/access/access.ts'
import type { ApiDescription, ErrorKind } from '../../core/api-description.ts'
import {
  BadRequestError,
  errorCodes,
  ForeignPageError,
  type ForemanError,
  InsufficientScopeError,
  InternalError,
  RequestTimeoutError,
  type Surface,
  surfaceOf,
  TargetFailedError
} from '../../core/errors.ts'
import type { Answer } from './operation.ts'

const text = { type: 'string' }
const object = (properties: object, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required
})

/** How each family of routes says it, and as which type. */
const forms: Readonly<Record<Surface, { name: string; type: string }>> = {
  problem: { name: 'Problem', type: 'application/problem+json' },
  native: { name: 'OllamaError', type: 'application/json' },
  openai: { name: 'OpenAiError', type: 'application/json' },
  anthropic: { name: 'AnthropicError', type: 'application/json' }
}

/** Statuses whose answers often tell when to come again. */
const comeAgain: ReadonlySet<number> = new Set([409, 429, 503])

/** The schemas of errors, by their name. Made when all plugins are loaded, since they bring codes. */
export function errorSchemas(): Record<string, object> {
  return {
    Problem: problemSchema(),
    OllamaError: object({ error: text }),
    OpenAiError: object({
      error: object({ message: text, type: text, param: { type: 'null' }, code: { type: 'null' } })
    }),
    AnthropicError: object({
      type: { const: 'error' },
      error: object({ type: text, message: text }),
      request_id: text
    })
  }
}

function problemSchema(): object {
  const place = object({ pointer: { type: 'string', description: 'RFC 6901, into the body.' }, detail: text })
  const told = {
    type: { type: 'string', format: 'uri-reference' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    instance: { type: 'string', description: 'This one time.' },
    code: {
      type: 'string',
      enum: errorCodes(),
      description: 'New codes may come: treat one that you do not know by its status.'
    },
    retryable: {
      type: 'boolean',
      description: 'Whether the same request can succeed later without a change.'
    },
    request_id: { type: 'string', description: "The id in foreman's log." }
  }
  const more = {
    errors: {
      type: 'array',
      items: place,
      description: 'Every place that is wrong, for `validation_failed`.'
    },
    'violated-policies': { type: 'array', items: text, description: 'Which limits of the token.' }
  }
  return {
    ...object({ ...told, ...more }, Object.keys(told)),
    description: 'RFC 9457.'
  }
}

/** Gives operations their errors, and keeps those answers, since many operations share them. */
export class ErrorAnswers {
  /** By their name among the components. */
  readonly components: Record<string, Answer> = {}
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  /** By status. On routes of the target also what it says itself. */
  of(route: RouteOptions, hasBody: boolean): Record<string, { $ref: string }> {
    const surface = surfaceOf(route.url)
    const kinds = new Set([
      ...everyoneGives(route, this.#access, hasBody),
      ...itsOwn(route.config?.api?.errors)
    ])
    const errors = [...kinds].map(Kind => new (Kind as new () => ForemanError)())
    const byStatus = Map.groupBy(errors, error => statusOn(surface, error))
    const answers = [...byStatus].map(([status, some]) => {
      const codes = some.map(({ wireCode }) => wireCode).sort()
      return [String(status), this.#keep([surface, ...codes].join('.'), answerOf(surface, status, codes))]
    })
    const ofTarget = isTargets(route) && { default: this.#keep('target', targetsOwn()) }
    return { ...Object.fromEntries(answers), ...ofTarget }
  }

  #keep(name: string, answer: Answer): { $ref: string } {
    this.components[name] = answer
    return { $ref: `#/components/responses/${name}` }
  }
}

function itsOwn(errors: ApiDescription['errors'] = []): readonly ErrorKind[] {
  return typeof errors === 'function' ? errors() : errors
}

function everyoneGives(route: RouteOptions, access: Access, hasBody: boolean): ErrorKind[] {
  const { access: need = 'admin' } = route.config ?? {}
  const isAsked = access.guarded && need !== 'open'
  return [
    ...(isAsked ? access.refusals : []),
    ...(isAsked && need !== 'known' ? [InsufficientScopeError] : []),
    ...(access.guarded ? [] : [ForeignPageError]),
    ...(hasBody ? [RequestTimeoutError] : []),
    // What stands for a parameter may be no text at all: %zz.
    ...(route.url.includes(':') ? [BadRequestError] : []),
    InternalError
  ]
}

function statusOn(surface: Surface, { onInference, statusCode }: ForemanError): number {
  return (surface === 'problem' ? undefined : onInference?.status) ?? statusCode
}

function answerOf(surface: Surface, status: number, codes: readonly string[]): Answer {
  const { name, type } = forms[surface]
  const schema = { $ref: `#/components/schemas/${name}` }
  const withCodes = { allOf: [schema, { properties: { code: { enum: codes } } }] }
  return {
    description: codes.map(code => `\`${code}\``).join(', '),
    headers: {
      ...codeHeader(codes),
      ...(comeAgain.has(status) && {
        'Retry-After': { description: 'Seconds, where it can be told.', schema: { type: 'integer' } }
      })
    },
    content: { [type]: { schema: surface === 'problem' ? withCodes : schema } }
  }
}

function codeHeader(codes: readonly string[]) {
  return {
    'Foreman-Error-Code': { description: 'The stable code.', schema: { type: 'string', enum: codes } }
  }
}

/** `/` is the target's as well, though foreman's own errors have foreman's own shape there. */
function isTargets({ url }: RouteOptions): boolean {
  return url === '/' || surfaceOf(url) !== 'problem'
}

function targetsOwn(): Answer {
  const { wireCode } = new TargetFailedError('')
  return {
    description: `Whatever else the target says, its errors above all: as it is and without a code; \`${wireCode}\` for an error without words.`,
    headers: codeHeader([wireCode]),
    content: { '*/*': { schema: {} } }
  }
}

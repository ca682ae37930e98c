/** Reads the description of a running foreman, and holds answers against it. */
import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'

/** A body as the document has it. */
export interface Media {
  readonly schema?: object
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

/** An answer as the document has it. */
export interface ToldAnswer {
  readonly description: string
  readonly headers?: Readonly<Record<string, { readonly schema: { readonly enum?: readonly string[] } }>>
  readonly content?: Readonly<Record<string, Media>>
}

interface ToldOperation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, ToldAnswer | { readonly $ref: string }>>
}

/** As much of the document as is read here. */
export interface Document {
  readonly openapi: string
  readonly info: { readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, ToldOperation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Record<string, { enum?: string[] }> }>>
    readonly responses: Readonly<Record<string, ToldAnswer>>
    readonly securitySchemes: Readonly<Record<string, object>>
  }
}

/** One operation. */
export interface Operation extends Omit<ToldOperation, 'responses'> {
  readonly method: string
  /** With `{name}` where a parameter stands. */
  readonly path: string
  /** By status, or `default`. */
  readonly answers: ReadonlyMap<string, ToldAnswer>
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

const errorCode = 'Foreman-Error-Code'

/** The codes that an answer may have; none where it is no error of foreman's. */
export function codesOf({ headers }: ToldAnswer): readonly string[] {
  return headers?.[errorCode]?.schema.enum ?? []
}

/** The document, taken apart. */
export class Description {
  readonly document: Document
  readonly operations: readonly Operation[]
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })

  constructor(document: Document) {
    this.document = document
    this.#ajv.addSchema(document, 'document')
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, told]) => ({
        ...told,
        method: method.toUpperCase(),
        path,
        answers: new Map(
          Object.entries(told.responses).map(([status, answer]) => [status, this.#find(answer)])
        )
      }))
    )
  }

  /** Asks a foreman for it. */
  static async of(url: string): Promise<Description> {
    const answer = await fetch(`${url}/openapi.json`)
    assert.equal(answer.status, 200)
    return new Description((await answer.json()) as Document)
  }

  /** The operation of that name. */
  named(operationId: string): Operation {
    const found = this.operations.find(operation => operation.operationId === operationId)
    assert.ok(found, `there is an operation ${operationId}`)
    return found
  }

  /** @throws {AssertionError} unless the answer is one that the document tells of, to the letter of its schema */
  judge({ operationId, answers }: Operation, { status, headers, body }: Answer): void {
    const code = headers[errorCode.toLowerCase()] as string | undefined
    const what = `${operationId}: ${status} ${code ?? ''} ${body.subarray(0, 300)}`
    const exact = answers.get(String(status))
    // Beside foreman's own errors of a status the target has its own.
    const isExact =
      exact !== undefined &&
      (code !== undefined ? codesOf(exact).includes(code) : codesOf(exact).length === 0)
    const told = isExact ? exact : answers.get('default')
    assert.ok(told, `${what}: is not told of`)
    if (code !== undefined) assert.ok(codesOf(told).includes(code), `${what}: the code is not told of`)
    if (told.content !== undefined)
      this.#judgeBody(told.content, String(headers['content-type'] ?? ''), body, what)
    else if (told !== answers.get('default')) assert.equal(body.length, 0, `${what}: a body is not told of`)
  }

  #judgeBody(
    content: NonNullable<ToldAnswer['content']>,
    contentType: string,
    body: Buffer,
    what: string
  ): void {
    const [type = ''] = contentType.split(';', 1)
    const media = content[type] ?? content['*/*']
    if (media === undefined && body.length === 0 && content['application/json'] === undefined) return
    assert.ok(media, `${what}: the type ${contentType} is not told of`)
    // Bytes of any type may be a part of something.
    if (content[type]?.schema === undefined || !/[/+]json$/.test(type)) return
    const check = this.#ajv.compile({ $defs: {}, ...this.#absolute(content[type].schema) })
    assert.ok(check(JSON.parse(body.toString())), `${what}: ${this.#ajv.errorsText(check.errors)}`)
  }

  /** The schema by itself, its references into the document. */
  #absolute(schema: object): object {
    return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/'))
  }

  #find(answer: ToldAnswer | { readonly $ref: string }): ToldAnswer {
    if (!('$ref' in answer)) return answer
    const found = this.document.components.responses[answer.$ref.split('/').at(-1)!]
    assert.ok(found, `${answer.$ref} is there`)
    return found
  }
}

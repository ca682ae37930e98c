/**
 * What a route says of itself for the description of the API, beside the schemas that check it. It is words alone: no
 * request is judged by them. Whoever describes the API reads them in `config.api`; a route that is no part of the API
 * says `schema: { hide: true }`.
 */
import type { TSchema } from 'typebox'
import type { ForemanError } from './errors.ts'

/** A class of `defineError`, whatever its holes. */
export type ErrorKind = new (...args: never[]) => ForemanError

/** A value that the description shows, by a short name. */
export type Examples = Readonly<Record<string, unknown>>

/** What a body may be. Text of another form than JSON is of type string. */
export interface MediaWords {
  readonly schema: TSchema
  readonly examples?: Examples
}

/** Bodies by their media type. */
export type Bodies = Readonly<Record<string, MediaWords>>

/** One answer that is no error of foreman's. */
export interface AnswerWords {
  /** When it is given, in a sentence. */
  readonly means: string
  /** Headers that tell something, and what. */
  readonly headers?: Readonly<Record<string, string>>
  /** Bodies that `schema.response` does not tell of: what is not JSON, or another's. */
  readonly bodies?: Bodies
  /** Of the JSON body. */
  readonly examples?: Examples
}

/** Everything that is said of one operation. */
export interface ApiDescription {
  /** In snake_case, and never changed: generated clients name their methods so. */
  readonly operationId: string
  /** A few words, without an end. */
  readonly summary: string
  /** The group it is shown in: one of `tags`. */
  readonly tag: string
  /** Markdown. */
  readonly description?: string
  /** Where others document it. */
  readonly seeAlso?: string
  /** Request headers that it honours; each schema has a description. */
  readonly headers?: Readonly<Record<string, TSchema>>
  /** Queries that `schema.querystring` cannot name one by one. */
  readonly query?: Readonly<Record<string, TSchema>>
  /** What its body may be, beside the media types of `schema.body` or in their place. */
  readonly bodies?: Bodies
  /** Whether it can be called without a body. Defaults to false where it takes one. */
  readonly bodyIsOptional?: boolean
  /** Examples of the JSON body that is checked by `schema.body`. Each of them works. */
  readonly examples?: Examples
  /** What it answers with, by status. */
  readonly answers: Readonly<Record<number, AnswerWords>>
  /**
   * What its handler, and those before it, refuse. What any route refuses is not listed. A function where that is known
   * only when all plugins are there.
   */
  readonly errors?: readonly ErrorKind[] | (() => readonly ErrorKind[])
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly api?: ApiDescription
  }
}

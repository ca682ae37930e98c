/** A standing endpoint: a URL that is told of events until it is taken away. */

/** Why an endpoint was disabled. */
export type DisabledReason = 'by_hand' | 'gone' | 'failing' | 'secret_lost'

/** What its owner decides. */
export interface EndpointDraft {
  readonly url: string
  /** Types of events, and patterns of them. */
  readonly events: readonly string[]
  /** `thin`: of a job its id, state, seq and urls alone. */
  readonly payload: 'full' | 'thin'
  readonly format: 'standard' | 'cloudevents'
  /** `ed25519` adds a signature that can be checked without a secret. */
  readonly signing: 'hmac' | 'ed25519'
  /** Sent with each message. */
  readonly headers: Readonly<Record<string, string>>
  readonly description: string
}

/** One endpoint at one moment. Times are ms since 1970. */
export interface Endpoint extends Omit<EndpointDraft, 'headers'> {
  readonly seq: number
  readonly id: string
  readonly owner: string
  /** It is told of the jobs of every owner. */
  readonly seesAll: boolean
  /** Their values may be secrets. */
  readonly headerNames: readonly string[]
  readonly createdAt: number
  readonly disabledAt: number | null
  readonly disabledReason: DisabledReason | null
  /** Until then messages are signed with the secret before as well. */
  readonly previousUntil: number | null
}

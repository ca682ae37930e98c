/** The fixed vectors that foreman, the TypeScript client and the Go client are held against: clients/vectors/README.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What every case has. */
interface Case {
  /** Why it is there. */
  readonly name: string
  /** Whether foreman itself sends such a thing; else a proxy, or a newer foreman. */
  readonly from: 'foreman' | 'elsewhere'
}

/** An event as a client hands it out. */
export interface Told {
  readonly type: string
  readonly data: unknown
  readonly seq?: number
  readonly [field: string]: unknown
}

/** A part of a stream of events. */
export interface Said {
  /** The encoder that makes it, of `tells` or `of`; none where the case is from elsewhere. */
  readonly by?: 'hello' | 'heartbeat' | 'event' | 'live' | 'gap' | 'end'
  /** Which heartbeat; why it ends. */
  readonly of?: string
  /** The bytes, as text. */
  readonly sse: string
  /** Where to go on from, from here on; left out: as before. */
  readonly place?: string
  /** The event that is handed out; left out: none. */
  readonly tells?: Told
}

/** Text that is new; or nothing that was told before counts any more. */
export type Update =
  | { readonly channel: string; readonly index: number; readonly text: string }
  | { readonly reset: true }

/** events.json */
export interface EventsCase extends Case {
  readonly job_id: string
  /** Where the stream is that of a real job: what is handed in. */
  readonly job?: Readonly<Record<string, unknown>>
  readonly stream: readonly Said[]
  readonly text: readonly Update[]
  readonly not_done?: string
  /** Where a piece begins behind a hole: in which text, how many code points of that there are, and where it begins. */
  readonly missing?: {
    readonly channel: string
    readonly index: number
    readonly had: number
    readonly offset: number
  }
}

/** errors.json */
export interface ErrorsCase extends Case {
  readonly made_of?:
    | {
        readonly error: string
        readonly values: readonly unknown[]
        readonly set?: Readonly<Record<string, unknown>>
        readonly path: string
        readonly request_id: string
      }
    | { readonly unknown_path: string }
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly says: {
    readonly code: string | null
    readonly detail: string
    readonly retryable: boolean
    readonly retry_after_s: number | null
    readonly request_id: string | null
    readonly faults?: readonly { readonly pointer: string; readonly detail: string }[]
  }
}

/** signatures.json */
export interface SignaturesCase extends Case {
  readonly made_of?: {
    readonly id: string
    readonly at_s: number
    readonly secrets: readonly string[]
    readonly ed25519_seed?: string
  }
  readonly secrets: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly now_s: number
  readonly tolerance_s?: number
  readonly verdict: 'accepted' | 'headers' | 'secret' | 'signature' | 'timestamp' | 'body'
  /** How far the message is ahead of the clock, in seconds; behind it: below 0. */
  readonly off_s?: number
  /** Where the official library decides otherwise. */
  readonly standardwebhooks?: 'accepts' | 'refuses'
}

/** cursors.json: places in the events of a job. */
export interface FollowCase extends Case {
  readonly kind: 'follow'
  readonly job_id: string
  readonly after: number
  readonly requests: readonly {
    readonly behind: number
    readonly status: number
    readonly stream?: readonly Said[]
  }[]
}

/** cursors.json: pages of a list. */
export interface ListCase extends Case {
  readonly kind: 'list'
  readonly filter: {
    readonly state?: readonly string[]
    readonly model?: string
    readonly created_after?: string
    readonly metadata?: Readonly<Record<string, string>>
    readonly page_size?: number
  }
  readonly made_of?: { readonly key: string; readonly owner: string }
  readonly pages: readonly {
    readonly asks: Readonly<Record<string, string>>
    readonly last_seq?: number
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: Readonly<Record<string, unknown>>
  }[]
  readonly listed: readonly string[]
  readonly refused?: string
}

interface Files {
  events: EventsCase
  errors: ErrorsCase
  signatures: SignaturesCase
  cursors: FollowCase | ListCase
}

/** The cases of a file. */
export function vectors<Name extends keyof Files>(name: Name): readonly Files[Name][] {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../../clients/vectors', `${name}.json`), 'utf8'))
}

/** The events that a client hands out. */
export function told(stream: readonly Said[]): Told[] {
  return stream.flatMap(({ tells }) => tells ?? [])
}

/** The bytes of a stream, as text. */
export function sse(stream: readonly Said[]): string {
  return stream.map(said => said.sse).join('')
}

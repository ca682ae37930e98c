/** Makes of a delivery the request that is sent: the body as its receiver wants it, signed at this moment. */
import type { KeyObject } from 'node:crypto'
import type { Database, Statement } from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import type { Delivery } from './delivery.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import { bodyFor } from './messages.ts'
import type { OwnerSecrets } from './owner-secrets.ts'
import type { Reason } from './retry.ts'
import type { SealedBox } from './signing/sealed-box.ts'
import { type Keys, signatureHeaders } from './signing/sign.ts'

/** What is sent. */
export interface Envelope {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What it works with. */
export interface EnvelopeParts extends Pick<FastifyInstance, 'jobs'> {
  readonly db: Database
  readonly box: SealedBox
  readonly endpoints: EndpointStore
  readonly ownerSecrets: OwnerSecrets
  readonly ed25519: KeyObject
  /** Names this foreman in a CloudEvent. */
  readonly source: string
}

/** A message, with the trace that its job belongs to. */
interface Stored {
  readonly body: string
  readonly traceparent: string | null
}

const contentTypes = {
  standard: 'application/json',
  cloudevents: 'application/cloudevents+json; charset=utf-8'
} as const

/** How the URL of a job is told. */
const plainForm = { payload: 'full', format: 'standard' } as const

/** Makes them. */
export class Envelopes {
  readonly #parts: EnvelopeParts
  readonly #message: Statement

  constructor(parts: EnvelopeParts) {
    this.#parts = parts
    this.#message = parts.db.prepare(
      'SELECT body, traceparent FROM webhook_message LEFT JOIN job_trace USING (job_seq) WHERE seq = ?'
    )
  }

  /** The request; or why there is none: what was to be told is gone, or what it would be signed with. */
  of(delivery: Delivery, endpoint: Endpoint | undefined, now: number): Envelope | Reason {
    const { messageSeq, eventId: id } = delivery
    const stored = messageSeq === null ? undefined : (this.#message.get(messageSeq) as Stored | undefined)
    if (stored === undefined) return 'job_removed'
    const secrets =
      endpoint === undefined ? this.#secretsOfJob(delivery, now) : this.#secretsOf(endpoint, now)
    const extra = endpoint === undefined ? {} : this.#parts.endpoints.headersOf(endpoint)
    if (secrets === undefined || extra === undefined) return 'secret_lost'
    const form = endpoint ?? plainForm
    const body = bodyFor(form, { ...delivery, body: stored.body }, this.#parts.source)
    const keys: Keys =
      endpoint?.signing === 'ed25519' ? { secrets, ed25519: this.#parts.ed25519 } : { secrets }
    const signed = signatureHeaders({ id, atS: Math.floor(now / 1000), body }, keys)
    const headers = { ...extra, ...headersOf(delivery, form.format, stored), ...signed }
    // That of the endpoint as it is now: one that was mended takes what could not be sent before.
    return { url: endpoint?.url ?? delivery.url, headers, body }
  }

  #secretsOf(endpoint: Endpoint, now: number): Buffer[] | undefined {
    return this.#parts.endpoints.secretsOf(endpoint, now)
  }

  #secretsOfJob({ owner, jobSeq }: Delivery, now: number): Buffer[] | undefined {
    const { jobs, box, ownerSecrets } = this.#parts
    const own = jobSeq === null ? undefined : jobs.details.webhook(jobSeq)
    if (own === undefined || own.secret === null) return ownerSecrets.of(owner, now)
    const secret = box.open(owner, own.secret)
    return secret && [secret]
  }
}

function headersOf(
  { id, attempts }: Delivery,
  format: keyof typeof contentTypes,
  { traceparent }: Stored
): Record<string, string> {
  return {
    'content-type': contentTypes[format],
    'foreman-delivery-id': id,
    'foreman-delivery-attempt': String(attempts + 1),
    ...(traceparent !== null && { traceparent })
  }
}

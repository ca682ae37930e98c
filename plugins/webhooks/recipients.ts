/** Whom an event is told to: the endpoints that want it, and the URL of its job. */
import type { FastifyInstance } from 'fastify'
import type { StateEvent } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import { wants } from './event-types.ts'
import type { Recipient } from './outbox.ts'
import type { ReceiverStore } from './receiver-store.ts'

/** Looks them up in one database. */
export class Recipients {
  readonly #jobs: FastifyInstance['jobs']
  readonly #endpoints: EndpointStore
  readonly #receivers: ReceiverStore

  constructor({ jobs }: Pick<FastifyInstance, 'jobs'>, endpoints: EndpointStore, receivers: ReceiverStore) {
    this.#jobs = jobs
    this.#endpoints = endpoints
    this.#receivers = receivers
  }

  /** Whether anybody may want to hear of the job: a look that costs next to nothing. */
  areThereFor(job: Job): boolean {
    // Who waits for a call is told by its answer, and nobody else is (ADR 0014).
    if (job.attached) return false
    return (
      this.#endpoints.list().some(endpoint => sees(endpoint, job)) ||
      this.#jobs.details.webhook(job.seq) !== undefined
    )
  }

  /** Those of an event of a job. */
  ofJob({ type }: StateEvent, job: Job): Recipient[] {
    if (job.attached) return []
    const standing = this.#endpoints
      .list()
      .filter(endpoint => sees(endpoint, job) && wants(endpoint.events, type))
    const own = this.#jobs.details.webhook(job.seq)
    const recipients = standing.map(endpoint => this.ofEndpoint(endpoint))
    if (own === undefined || !wants(own.events, type)) return recipients
    const { owner } = job
    const receiverSeq = this.#receivers.ofHost(owner, new URL(own.url).host)
    return [...recipients, { owner, receiverSeq, endpointId: null, url: own.url, isHeld: false }]
  }

  /** Endpoints that want an event which is about no job: those of `owner`, or of everybody where none is given. */
  ofOther(type: string, owner?: string): Recipient[] {
    return this.#endpoints
      .list()
      .filter(endpoint => wants(endpoint.events, type))
      .filter(endpoint => owner === undefined || endpoint.owner === owner || endpoint.seesAll)
      .map(endpoint => this.ofEndpoint(endpoint))
  }

  /** An endpoint, whatever it wants. */
  ofEndpoint(endpoint: Endpoint): Recipient {
    const { owner, id, url, disabledAt } = endpoint
    const receiverSeq = this.#receivers.ofEndpoint(endpoint)
    return { owner, receiverSeq, endpointId: id, url, isHeld: disabledAt !== null }
  }
}

function sees({ owner, seesAll }: Endpoint, job: Job): boolean {
  return seesAll || owner === job.owner
}

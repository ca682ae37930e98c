/** Where a job wants its events to be sent: the fields are of this plugin, what they may say is told by whoever sends. */
import type { Caller } from '../../core/access/caller.ts'
import type { ErrorKind } from '../../core/api-description.ts'
import { InsufficientScopeError } from '../../core/errors.ts'
import type { JobWebhook } from '../../core/jobs/job.ts'
import { faultAt } from './errors.ts'
import type { CreateBody } from './schemas.ts'

/** The member `webhook` of a body. */
export type WantedWebhook = NonNullable<CreateBody['webhook']>

/** Makes of it what is kept with the job. @throws a ForemanError for what cannot be sent to; its faults are below `pointer` */
export type WebhookReader = (caller: Caller, wanted: WantedWebhook, pointer: string) => JobWebhook

/** Offered as `app.jobWebhooks`. */
export class JobWebhooks {
  /** What the reader refuses beside wrong bodies. */
  refusals: readonly ErrorKind[] = []
  #read: WebhookReader | undefined

  /** From now on jobs may have webhooks. `refusals`: what `read` throws beside {ValidationFailedError}. */
  readBy(read: WebhookReader, refusals: readonly ErrorKind[] = []): void {
    this.#read = read
    this.refusals = refusals
  }

  /**
   * What a body that was found valid asks for; undefined for nothing.
   * @throws {InsufficientScopeError} without the scope `webhooks`; {ValidationFailedError} where nobody sends any; and what
   * the reader throws
   */
  of(
    caller: Caller,
    { webhook, state_webhook_url: url }: Pick<CreateBody, 'webhook' | 'state_webhook_url'>
  ): JobWebhook | undefined {
    if (webhook === undefined && url === undefined) return undefined
    const pointer = webhook === undefined ? '/state_webhook_url' : '/webhook'
    if (webhook !== undefined && url !== undefined)
      throw faultAt('/state_webhook_url', 'stands for webhook.url: give one of them')
    if (this.#read === undefined)
      throw faultAt(pointer, 'needs the plugin webhooks, which is off (plugins.webhooks)')
    if (!caller.scopes.has('webhooks')) throw new InsufficientScopeError('webhooks')
    return webhook === undefined
      ? this.#read(caller, { url: url! }, pointer)
      : this.#read(caller, webhook, `${pointer}/url`)
  }
}

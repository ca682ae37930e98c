/** What the routes of webhooks refuse. docs/errors.md says what to do about each. */
import { defineError } from '../../core/errors.ts'

export { faultAt } from '../../core/errors.ts'
export { WebhookUrlRefusedError } from './egress/errors.ts'

/** 409: the owner has as many endpoints as it may. Hole: how many that is. */
export const TooManyEndpointsError = defineError<[limit: number]>({
  code: 'too_many_endpoints',
  status: 409,
  title: 'Too many endpoints',
  message: 'There are %d webhook endpoints, which is plugins.webhooks.max_endpoints: remove one first',
  retryable: false
})

/** 409: nothing is sent to the endpoint. */
export const EndpointDisabledError = defineError({
  code: 'endpoint_disabled',
  status: 409,
  title: 'Endpoint disabled',
  message: 'The endpoint is disabled, and would be sent nothing: enable it first',
  retryable: false
})

/** 410: there is nobody to send it to. */
export const EndpointRemovedError = defineError({
  code: 'endpoint_removed',
  status: 410,
  title: 'Endpoint removed',
  message: 'The endpoint that this delivery went to was removed',
  retryable: false
})

/** 410: what the delivery was to tell is gone, with its job. */
export const DeliveryBodyRemovedError = defineError({
  code: 'delivery_body_removed',
  status: 410,
  title: 'Delivery body removed',
  message: 'The message of this delivery was removed, with its job or because its time was over',
  retryable: false
})

/** 500: a secret that was sealed does not open: its key was lost. Hole: what to do. */
export const SecretLostError = defineError<[remedy: string]>({
  code: 'secret_lost',
  status: 500,
  title: 'Secret lost',
  message: 'The secret cannot be opened, as the key file is another one: %s',
  retryable: false
})

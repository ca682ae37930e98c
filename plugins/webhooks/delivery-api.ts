/** What the routes of deliveries say of themselves in the description of the API. */
import type { ApiDescription } from '../../core/api-description.ts'
import { InvalidCursorError, ValidationFailedError } from '../../core/errors.ts'
import { isThere, takesNothing } from './api-errors.ts'
import { DeliveryBodyRemovedError, EndpointDisabledError, EndpointRemovedError } from './errors.ts'

const tag = 'webhooks'

/** `GET /webhook-deliveries`. */
export const list: ApiDescription = {
  operationId: 'list_webhook_deliveries',
  summary: 'List deliveries, the newest first',
  tag,
  description: 'Those of the caller; all for an administrator. Kept for `plugins.webhooks.retention_s`.',
  answers: {
    200: { means: 'A page, without attempts.', headers: { Link: 'The next page, where there is one.' } }
  },
  errors: [ValidationFailedError, InvalidCursorError]
}

/** `GET /webhook-deliveries/{id}`. */
export const fetch: ApiDescription = {
  operationId: 'get_webhook_delivery',
  summary: 'A delivery, and what came of each attempt',
  tag,
  answers: { 200: { means: 'The delivery.' } },
  errors: isThere
}

/** `POST /webhook-deliveries/{id}/redeliver`. */
export const redeliver: ApiDescription = {
  operationId: 'redeliver_webhook',
  summary: 'Send a delivery again, at once',
  tag,
  description:
    'Under its `webhook-id`, at a new time, with a new signature, and with all attempts before it.',
  answers: { 202: { means: 'The delivery.' } },
  errors: [
    ...isThere,
    ...takesNothing,
    ...[DeliveryBodyRemovedError, EndpointRemovedError, EndpointDisabledError]
  ]
}

/** What the rules of webhook URLs refuse. docs/errors.md says what to do about it. */
import { defineError } from '../../../core/errors.ts'

/** 422: no event may ever be sent to this URL. Hole: why, in words that name no address the caller did not write. */
export const WebhookUrlRefusedError = defineError<[reason: string]>({
  code: 'webhook_url_refused',
  status: 422,
  title: 'Webhook URL refused',
  message: 'Events cannot be sent to this URL: %s',
  retryable: false
})

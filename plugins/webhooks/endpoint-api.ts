/** What the routes of endpoints say of themselves in the description of the API. */
import { Type } from 'typebox'
import type { ApiDescription } from '../../core/api-description.ts'
import { isThere, takesJson, takesNothing } from './api-errors.ts'
import { EndpointDisabledError, TooManyEndpointsError, WebhookUrlRefusedError } from './errors.ts'

const tag = 'webhooks'
const secretOnce = { 'Cache-Control': '`no-store`.' }

/** `POST /webhook-endpoints`. */
export const create: ApiDescription = {
  operationId: 'create_webhook_endpoint',
  summary: 'Have events sent to a URL',
  tag,
  description: 'The only answer with its secret, but for a rotation: nobody can look it up later.',
  examples: {
    when_the_target_is_away: {
      url: 'https://hooks.example.com/foreman',
      events: ['target.up', 'target.down'],
      description: 'wakes somebody'
    }
  },
  answers: {
    201: { means: 'The endpoint.', headers: { Location: 'What is known of it.', ...secretOnce } }
  },
  errors: [...takesJson, WebhookUrlRefusedError, TooManyEndpointsError]
}

/** `GET /webhook-endpoints`. */
export const list: ApiDescription = {
  operationId: 'list_webhook_endpoints',
  summary: 'List endpoints',
  tag,
  answers: { 200: { means: 'Those of the caller, the oldest first; all for an administrator.' } }
}

/** `GET /webhook-endpoints/{id}`. */
export const fetch: ApiDescription = {
  operationId: 'get_webhook_endpoint',
  summary: 'What is known of an endpoint',
  tag,
  answers: { 200: { means: 'The endpoint, without its secret.' } },
  errors: isThere
}

/** `PATCH /webhook-endpoints/{id}`. */
export const change: ApiDescription = {
  operationId: 'change_webhook_endpoint',
  summary: 'Change an endpoint',
  tag,
  description: 'What is left out stays. Messages that wait already go to where it is now.',
  examples: { ends_alone: { events: ['job.done', 'job.failed'], payload: 'thin' } },
  answers: { 200: { means: 'The endpoint as it is now.' } },
  errors: [...isThere, ...takesJson, WebhookUrlRefusedError]
}

/** `DELETE /webhook-endpoints/{id}`. */
export const remove: ApiDescription = {
  operationId: 'delete_webhook_endpoint',
  summary: 'Remove an endpoint',
  tag,
  description: 'What was not delivered yet is not sent any more.',
  answers: { 204: { means: 'It is gone.' } },
  errors: [...isThere, ...takesNothing]
}

/** `POST /webhook-endpoints/{id}/test`. */
export const test: ApiDescription = {
  operationId: 'test_webhook_endpoint',
  summary: 'Send an endpoint a message, once and at once',
  tag,
  description:
    'Of the type `webhook_endpoint.test`, whatever it wants to be told. One that is disabled is tried too.',
  headers: {
    Prefer: Type.String({
      description: '`wait=N`: hold the answer back until the attempt is over, N seconds at most (60 at most).'
    })
  },
  answers: {
    200: {
      means: 'The attempt is over: its delivery says how it went.',
      headers: { Location: 'The delivery.', 'Preference-Applied': 'What of `Prefer` was honoured.' }
    },
    202: {
      means: 'The delivery; the attempt is to come, or under way.',
      headers: { Location: 'The delivery.', 'Preference-Applied': 'What of `Prefer` was honoured.' }
    }
  },
  errors: [...isThere, ...takesNothing]
}

/** `POST /webhook-endpoints/{id}/enable`. */
export const enable: ApiDescription = {
  operationId: 'enable_webhook_endpoint',
  summary: 'Have events sent to an endpoint again',
  tag,
  description: 'What was held meanwhile is sent by `POST /webhook-endpoints/{id}/replay`.',
  answers: { 200: { means: 'The endpoint, and how many deliveries were held.' } },
  errors: [...isThere, ...takesNothing]
}

/** `POST /webhook-endpoints/{id}/disable`. */
export const disable: ApiDescription = {
  operationId: 'disable_webhook_endpoint',
  summary: 'Send an endpoint nothing for now',
  tag,
  description: 'Its events are held (`plugins.webhooks.held_s`), for a replay when it is enabled.',
  answers: { 200: { means: 'The endpoint.' } },
  errors: [...isThere, ...takesNothing]
}

/** `POST /webhook-endpoints/{id}/secret/rotate`. */
export const rotate: ApiDescription = {
  operationId: 'rotate_webhook_endpoint_secret',
  summary: 'Give an endpoint another secret',
  tag,
  description: 'For a while messages are signed with both, the new one first.',
  bodyIsOptional: true,
  examples: { an_hour: { overlap_s: 3600 } },
  answers: { 200: { means: 'The endpoint, with its new secret.', headers: secretOnce } },
  errors: [...isThere, ...takesJson]
}

/** `POST /webhook-endpoints/{id}/replay`. */
export const replay: ApiDescription = {
  operationId: 'replay_webhook_endpoint',
  summary: 'Send again what an endpoint did not take',
  tag,
  description: 'Each under the `webhook-id` that it had. What was sent as a test is left out.',
  bodyIsOptional: true,
  examples: { since_the_deploy: { since: '2026-11-20T08:00:00Z', types: ['job.done'] } },
  answers: { 202: { means: 'How many.' } },
  errors: [...isThere, ...takesJson, EndpointDisabledError]
}

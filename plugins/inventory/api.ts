/** What the routes of models say of themselves in the description of the API. */
import type { ApiDescription } from '../../core/api-description.ts'
import {
  NotFoundError,
  TargetFailedError,
  TargetTruncatedError,
  TargetUnreachableError
} from '../../core/errors.ts'

const tag = 'models'
/** As on the target's own lists. */
const staleHeaders = {
  'Foreman-Stale': '`true` where the target does not give a newer list.',
  'Foreman-Polled-At': 'When it gave this one; beside `Foreman-Stale`.'
}
const onlyListed = 'A token with a list of models sees those alone.'

/** `GET /models`. */
export const list: ApiDescription = {
  operationId: 'list_models',
  summary: 'Installed models: what they are, where they are loaded, what waits for them',
  tag,
  description: onlyListed,
  answers: { 200: { means: 'The last list that was had.', headers: staleHeaders } }
}

/** `GET /models/{name}`. */
export const one: ApiDescription = {
  operationId: 'get_model',
  summary: 'One installed model',
  tag,
  description: `In any spelling of the name that the target takes. One that is not listed is looked for in a fresh list. ${onlyListed}`,
  answers: { 200: { means: 'The model.', headers: staleHeaders } },
  errors: [NotFoundError, TargetUnreachableError, TargetTruncatedError, TargetFailedError]
}

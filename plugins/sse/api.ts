/** What the route says of itself in the description of the API. */
import { Type } from 'typebox'
import type { ApiDescription } from '../../core/api-description.ts'
import {
  BadRequestError,
  InvalidEventIdError,
  JobDataRemovedError,
  NotFoundError,
  TooManyStreamsError,
  ValidationFailedError
} from '../../core/errors.ts'

/** `GET /events`. */
export const events: ApiDescription = {
  operationId: 'follow_events',
  summary: 'The events of all own jobs, as they come',
  tag: 'jobs',
  description:
    'One stream for any number of jobs. With `admin` it tells of the jobs of all owners. It does not end by itself before `max_duration_s`.',
  headers: {
    'Last-Event-ID': Type.String({ description: 'Go on behind the event that had this `id`.' })
  },
  answers: {
    200: {
      means: 'A stream of events.',
      bodies: {
        'text/event-stream': {
          schema: Type.String({
            description:
              'Blocks of `id`, `event` (the type) and `data` (the event as `GET /jobs/{id}/events` has it, in one line).'
          })
        }
      }
    }
  },
  errors: [
    ...[BadRequestError, InvalidEventIdError, NotFoundError, JobDataRemovedError],
    ...[TooManyStreamsError, ValidationFailedError]
  ]
}

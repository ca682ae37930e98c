/** What the route says of itself in the description of the API. OpenAPI has no words for frames: docs/http-api.md has. */
import { Type } from 'typebox'
import type { ApiDescription } from '../../core/api-description.ts'
import { ForeignPageError, TooManyStreamsError, ValidationFailedError } from '../../core/errors.ts'
import { SubprotocolRequiredError, UpgradeRequiredError } from './errors.ts'

/** `GET /ws`. */
export const socket: ApiDescription = {
  operationId: 'open_socket',
  summary: 'Follow jobs by WebSocket',
  tag: 'jobs',
  description:
    'A WebSocket (RFC 6455) with the subprotocol `foreman.v1`: many jobs on one connection. Its frames are in docs/http-api.md. ' +
    'A browser, which can set no header, offers its token as a second subprotocol, `foreman.bearer.<token in base64url>`, or ' +
    'shows a ticket, which is good for one socket. What is wrong with `job_id` or `after` is told by a close code.',
  headers: {
    'Sec-WebSocket-Protocol': Type.String({ description: 'Has `foreman.v1` in it.' })
  },
  answers: {
    101: {
      means: 'The socket is open, and speaks `foreman.v1`.',
      headers: { 'Sec-WebSocket-Protocol': '`foreman.v1`, whatever else was offered.' }
    }
  },
  errors: [
    ...[UpgradeRequiredError, SubprotocolRequiredError, ForeignPageError],
    ...[ValidationFailedError, TooManyStreamsError]
  ]
}

/** What the routes of artifacts say of themselves in the description of the API. */
import { Type } from 'typebox'
import type { AnswerWords, ApiDescription, Bodies, ErrorKind } from '../../core/api-description.ts'
import {
  BadRequestError,
  BodyTooLargeError,
  JobDataRemovedError,
  JobNotFinishedError,
  MalformedJsonError,
  NotFoundError,
  QueueFullError,
  StorageLowError,
  UnsupportedMediaTypeError,
  ValidationFailedError
} from '../../core/errors.ts'
import {
  ArtifactInUseError,
  DigestMismatchError,
  InvalidSignatureError,
  RangeNotSatisfiableError,
  SignatureExpiredError,
  UploadsFullError
} from './errors.ts'

const tag = 'artifacts'
const header = (description: string) => Type.String({ description })
const bytes = (description: string): Bodies => ({ '*/*': { schema: Type.Unknown({ description }) } })

const contentHeaders = {
  ETag: 'The digest.',
  'Repr-Digest': 'RFC 9530, of the whole.',
  'Accept-Ranges': '`bytes`.'
}

const contentAnswers: Readonly<Record<number, AnswerWords>> = {
  200: { means: 'All of it.', headers: contentHeaders, bodies: bytes('The bytes, of their own type.') },
  206: {
    means: 'The range that was asked for.',
    headers: { ...contentHeaders, 'Content-Range': 'Which part of how much.' },
    bodies: bytes('Its bytes.')
  },
  304: { means: 'The caller has it.', headers: { ETag: contentHeaders.ETag } }
}

const contentRequestHeaders = {
  Range: header('One range of bytes; several give all of it.'),
  'If-Range': header('An `ETag`: the range is good for these bytes alone.'),
  'If-None-Match': header('The `ETag` of the copy that is there.')
}

/** Of routes that take JSON by any type that is one, or nothing. */
const readsJson: readonly ErrorKind[] = [MalformedJsonError, BodyTooLargeError, UnsupportedMediaTypeError]

const uploadBodies: Bodies = {
  '*/*': { schema: Type.String({ minLength: 1, description: 'The bytes, of any type.' }) },
  'multipart/form-data': {
    schema: Type.Object({
      file: Type.String({ description: 'The bytes.', contentMediaType: 'application/octet-stream' })
    })
  }
}

/** `POST /artifacts`. */
export const upload: ApiDescription = {
  operationId: 'upload_artifact',
  summary: 'Hand bytes in, for jobs to use',
  tag,
  headers: {
    'Content-Disposition': header('`attachment; filename="cat.png"` gives a name, for display only.'),
    'Repr-Digest': header('`sha-256=:…:` (RFC 9530) is held against the bytes.')
  },
  bodies: uploadBodies,
  answers: {
    200: { means: 'You had these bytes already.', headers: { Location: 'The artifact.' } },
    201: { means: 'Stored.', headers: { Location: 'The artifact.' } }
  },
  errors: [
    ...[BadRequestError, ValidationFailedError, DigestMismatchError, UnsupportedMediaTypeError],
    ...[BodyTooLargeError, UploadsFullError, QueueFullError, StorageLowError]
  ]
}

/** `GET /artifacts/{id}`. */
export const fetch: ApiDescription = {
  operationId: 'get_artifact',
  summary: 'One artifact, without its bytes',
  tag,
  answers: { 200: { means: 'The artifact.' } },
  errors: [NotFoundError]
}

/** `DELETE /artifacts/{id}`. */
export const remove: ApiDescription = {
  operationId: 'delete_artifact',
  summary: 'Take an artifact away',
  tag,
  answers: { 204: { means: 'It is gone.' } },
  errors: [...readsJson, NotFoundError, ArtifactInUseError, StorageLowError]
}

/** `GET /artifacts/{id}/content`. */
export const content: ApiDescription = {
  operationId: 'get_artifact_content',
  summary: 'The bytes of an artifact',
  tag,
  description: 'Also open to whoever has a signed address of it.',
  headers: contentRequestHeaders,
  answers: contentAnswers,
  errors: [
    ...[NotFoundError, ValidationFailedError, RangeNotSatisfiableError],
    ...[InvalidSignatureError, SignatureExpiredError]
  ]
}

/** `POST /artifacts/{id}/sign`. */
export const sign: ApiDescription = {
  operationId: 'sign_artifact',
  summary: 'An address that opens the bytes to whoever has it',
  tag,
  bodyIsOptional: true,
  examples: { an_hour: { ttl_s: 3600, disposition: 'attachment' } },
  answers: { 200: { means: 'The address.' } },
  errors: [...readsJson, NotFoundError, ValidationFailedError, StorageLowError]
}

/** `GET /jobs/{id}/artifacts`. */
export const ofJob: ApiDescription = {
  operationId: 'list_job_artifacts',
  summary: 'What a job made, and what it uses',
  tag,
  answers: { 200: { means: 'What it made, then the uploads it refers to.' } },
  errors: [NotFoundError, JobDataRemovedError]
}

/** `GET /jobs/{id}/artifacts/{name}`. */
export const named: ApiDescription = {
  operationId: 'get_job_artifact',
  summary: 'The bytes of what a job made, by name',
  tag,
  headers: contentRequestHeaders,
  answers: contentAnswers,
  errors: [
    ...[NotFoundError, JobDataRemovedError, JobNotFinishedError],
    ...[ValidationFailedError, RangeNotSatisfiableError]
  ]
}

/** What the routes of artifacts refuse. docs/errors.md says what to do about each. */
import { defineError } from '../../core/errors.ts'

export { RangeNotSatisfiableError } from '../../core/errors.ts'

/** 403: the signature of an address is not foreman's, or not for what was asked. */
export const InvalidSignatureError = defineError({
  code: 'invalid_signature',
  status: 403,
  title: 'Invalid signature',
  message: 'The signature of this address does not hold',
  retryable: false
})

/** 403: the signature was good, and its time is over. */
export const SignatureExpiredError = defineError({
  code: 'signature_expired',
  status: 403,
  title: 'Signature expired',
  message: 'The time of this address is over',
  retryable: false
})

/** 409: a job that has not ended refers to the upload. */
export const ArtifactInUseError = defineError({
  code: 'artifact_in_use',
  status: 409,
  title: 'Artifact in use',
  message: 'A job that has not ended uses this artifact',
  retryable: true
})

/** 409: the uploads of this owner take all they may. Hole: that many bytes. */
export const UploadsFullError = defineError<[limitBytes: number]>({
  code: 'uploads_full',
  status: 409,
  title: 'Uploads full',
  message:
    'Your uploads may take %d bytes in all (artifacts.max_bytes_total); delete some, or wait until they expire',
  retryable: true
})

/** 422: the bytes that came are not those of `Repr-Digest`. */
export const DigestMismatchError = defineError({
  code: 'digest_mismatch',
  status: 422,
  title: 'Digest mismatch',
  message: 'The SHA-256 of the bytes that came is not the one in Repr-Digest',
  retryable: true
})

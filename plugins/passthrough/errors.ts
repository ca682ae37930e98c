/** What the routes of this plugin refuse in their own words. docs/errors.md says what to do about each. */
import { defineError } from '../../core/errors.ts'

/** 404: the job is there, and its answer is not kept byte for byte. Hole: why, and what there is instead. */
export const StreamNotKeptError = defineError<[reason: string]>({
  code: 'stream_not_kept',
  status: 404,
  title: 'Stream not kept',
  message: 'The answer of this job is not kept byte for byte: %s',
  retryable: false
})

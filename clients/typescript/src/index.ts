/**
 * foreman-jobs: hand jobs to foreman, follow them, and verify its webhooks. Runs on Node and in browsers.
 */
export {
  type CallOptions,
  Foreman,
  type ForemanOptions,
  type ListOptions,
  type SubmitOptions,
  type UploadOptions
} from './client.ts'
export { type Fault, ForemanConnectionError, ForemanError } from './errors.ts'
export {
  type EndEvent,
  type GapEvent,
  isEnd,
  isKnown,
  type JobEvent,
  type KnownEvent,
  type LiveEvent,
  type OutputEvent,
  type OutputPiece,
  type PositionEvent,
  type ProgressEvent,
  type ResetEvent,
  type StateEvent,
  type StoredEvent,
  type UnknownEvent
} from './events.ts'
export type { FollowOptions } from './follow.ts'
export type { Retry, RetryOptions } from './retry.ts'
export type { LineError, NewJobLine, SubmitManyOptions, Submitted } from './submit-many.ts'
export {
  type AnswerUpdate,
  JobNotDoneError,
  type ResetUpdate,
  TextMissingError,
  type TextUpdate
} from './text.ts'
export {
  type Artifact,
  type Depth,
  hasEnded,
  type Job,
  type JobArtifact,
  type JobError,
  type JobKind,
  type JobState,
  type JobTerms,
  type Model,
  type Models,
  type NativeRequest,
  type NewJob,
  type Open,
  type Priority,
  type Queue,
  type Why
} from './types.ts'
export type { WaitOptions } from './wait.ts'
export {
  type VerifyOptions,
  verifyWebhook,
  type WebhookEvent,
  type WebhookFault,
  type WebhookHeaders,
  WebhookVerificationError
} from './webhooks.ts'

/** The job object as every route shows it. Clients must ignore fields they do not know. */
import { type Static, Type } from 'typebox'
import { priorities } from '../../core/jobs/priority.ts'
import { jobStates } from '../../core/jobs/states.ts'
import { estimatesSchema } from './estimates.ts'
import { jobKinds } from './schemas.ts'

const time = (description: string) => Type.String({ format: 'date-time', description })
const maybeTime = (description: string) => Type.Union([time(description), Type.Null()])
const maybeNumber = (description: string) => Type.Union([Type.Number({ description }), Type.Null()])
const state = Type.Enum([...jobStates])

const error = Type.Object({
  code: Type.String({ description: 'One of docs/errors.md.' }),
  message: Type.String(),
  retryable: Type.Boolean({ description: 'Whether another attempt could succeed.' }),
  attempt: Type.Integer({ description: 'The attempt that met it; 0 when none ran.' }),
  target_status: Type.Union([Type.Integer(), Type.Null()])
})

const artifact = Type.Object({
  name: Type.String(),
  id: Type.String(),
  size_bytes: Type.Integer(),
  content_type: Type.String(),
  digest: Type.String({ description: '`sha256:` and the hash in hex.' }),
  url: Type.String()
})

/** One job. Times in UTC, durations in seconds. */
export const jobSchema = Type.Object(
  {
    id: Type.String(),
    kind: Type.Enum([...jobKinds, 'transcription']),
    model: Type.String({ description: 'As the caller wrote it.' }),
    state,
    previous_state: Type.Union([state, Type.Null()]),
    version: Type.Integer({ description: 'Counts every change; the ETag.' }),
    seq: Type.Integer({ description: "That of the job's last event." }),
    priority: Type.Enum([...priorities]),
    attempt: Type.Integer({ description: 'Attempts begun so far.' }),
    max_attempts: Type.Integer(),
    created_at: time('When it was accepted.'),
    available_at: time('It is not started before.'),
    started_at: maybeTime('Begin of the last attempt.'),
    first_token_at: maybeTime("First byte of the last attempt's answer."),
    finished_at: maybeTime('Its end.'),
    expires_at: maybeTime('When its data is removed; set at its end.'),
    queue: Type.Union([estimatesSchema, Type.Null()]),
    progress: Type.Union([
      Type.Object({ done: Type.Integer(), total: Type.Integer() }, { description: 'Inputs of a long list.' }),
      Type.Null()
    ]),
    result: Type.Unknown({
      description: "The target's answer in the shape of a call that does not stream; null above 256 KiB."
    }),
    artifacts: Type.Array(artifact, { description: 'What it made; larger answers are only here.' }),
    usage: Type.Union([
      Type.Object({
        input_tokens: maybeNumber('Tokens read.'),
        output_tokens: maybeNumber('Tokens made.'),
        estimated: Type.Boolean({ description: 'The answer broke off, so its pieces were counted.' })
      }),
      Type.Null()
    ]),
    timings: Type.Object({
      queue_s: maybeNumber('Waiting, over all attempts.'),
      load_s: maybeNumber('Loading its model, over all attempts; none where it was there.'),
      prompt_eval_s: maybeNumber("Reading the prompt, by the target's own clock."),
      generation_s: maybeNumber("Writing the answer, by the target's own clock."),
      ttft_s: maybeNumber('From its arrival to the first byte of the answer.'),
      total_s: maybeNumber('From its arrival to its end.')
    }),
    error: Type.Union([error, Type.Null()]),
    retry_of: Type.Union([Type.String({ description: 'The job that this one does again.' }), Type.Null()]),
    metadata: Type.Record(Type.String(), Type.String()),
    urls: Type.Object({
      self: Type.String(),
      events: Type.String(),
      cancel: Type.String(),
      artifacts: Type.String()
    })
  },
  { title: 'Job' }
)

/** What {@link jobSchema} describes. */
export type JobObject = Static<typeof jobSchema>

/** Examples for the description of the API. Those of requests work with any model that is there. */

const chat = { model: 'llama3.2', messages: [{ role: 'user', content: 'Why is the sky blue?' }] }

/** Bodies of `POST /jobs`. */
export const createExamples = {
  long_form: { request: chat, priority: 'batch', metadata: { report: '2026-07' } },
  short_form: { model: 'llama3.2', prompt: 'Why is the sky blue?', priority: 'normal' },
  with_webhook: {
    ...{ model: 'llama3.2', prompt: 'Why is the sky blue?' },
    webhook: { url: 'https://hooks.example.com/foreman', events: ['job.done', 'job.failed'] }
  }
}

/** Some of its lines. */
export const linesExample = [{ ...createExamples.long_form, idempotency_key: 'report-1' }, chat]
  .map(line => `${JSON.stringify(line)}\n`)
  .join('')

/** And what is answered. */
export const lineAnswersExample =
  '{"id":"job_01m83k3m03n1yjpsdb76tmtexm"}\n{"id":"job_01m83k3m03n1yjpsdb76tmtexp","replayed":true}\n'

const id = 'job_01m83k3m03n1yjpsdb76tmtexm'
const self = `/jobs/${id}`

/** A job that waits. */
export const queuedJob = {
  ...{ id, kind: 'chat', model: 'llama3.2', state: 'queued', previous_state: null, version: 1, seq: 1 },
  ...{ priority: 'batch', attempt: 0, max_attempts: 5 },
  ...{ created_at: '2026-11-23T07:15:00.000Z', available_at: '2026-11-23T07:15:00.000Z' },
  ...{ started_at: null, first_token_at: null, finished_at: null, expires_at: null },
  queue: {
    position: 2,
    estimated_start_at: '2026-11-23T07:15:09.000Z',
    start_p50_at: '2026-11-23T07:15:09.000Z',
    start_p90_at: '2026-11-23T07:15:31.000Z'
  },
  ...{ progress: null, result: null, artifacts: [], usage: null },
  timings: {
    ...{ queue_s: null, load_s: null, prompt_eval_s: null },
    ...{ generation_s: null, ttft_s: null, total_s: null }
  },
  ...{ error: null, retry_of: null, metadata: { report: '2026-07' } },
  urls: { self, events: `${self}/events`, cancel: `${self}/cancel`, artifacts: `${self}/artifacts` }
}

/** A page of events. */
export const eventsExample = {
  data: [
    {
      ...{ id: 'evt_01m83m4bc1kmm63hcafxzyjtpb', type: 'job.retrying', job_id: id, seq: 4, attempt: 1 },
      created_at: '2026-11-23T07:15:08.100Z',
      data: { state: 'queued', previous_state: 'working', error_code: 'target_truncated' }
    }
  ],
  has_more: false,
  next_cursor: null
}

/** Why a job waited. */
export const whyExample = {
  ...{ job_id: id, state: 'done', waited_s: 3.72 },
  summary: 'Waited 3.7 s behind 3 jobs of the loaded model llama3.2.',
  reasons: [
    {
      ...{ kind: 'behind_resident', waiting: true, s: 3.72, times: 1, jobs: 3, model: 'llama3.2' },
      sentence: 'Waited 3.7 s behind 3 jobs of the loaded model llama3.2.'
    },
    { kind: 'generation', waiting: false, s: 0.88, times: 1, sentence: 'Wrote the answer for 0.88 s.' }
  ],
  now: null
}

/** Row 4: how fast the models are. */
import type { Draft } from '../panels.ts'
import { graph, heatmap } from '../panels.ts'
import { buckets, ofModel, perMinute, quantile, rate, series } from '../promql.ts'

const firstToken = ofModel('foreman_llm_time_to_first_token_seconds')
const perToken = ofModel('foreman_llm_time_per_output_token_seconds')
const loading = ofModel('foreman_llm_model_load_seconds')
const tokens = (type: string) => rate(ofModel('foreman_llm_tokens_total', `type="${type}"`), 'model')
const seconds = (phase: string) =>
  rate(ofModel('foreman_llm_phase_seconds_total', `phase="${phase}"`), 'model')

export const llm: readonly Draft[] = [
  graph({
    title: 'First token, loaded or not',
    description:
      'From the request to the target to the first token. Warm: the model was loaded. Cold: it was loaded for this job.',
    unit: 's',
    min: 0,
    queries: [
      ['{{load}} p50', quantile(0.5, firstToken, 'load')],
      ['{{load}} p95', quantile(0.95, firstToken, 'load')]
    ]
  }),
  graph({
    title: 'First token, as callers feel it',
    description: 'From the arrival of the job, the wait in the queue and loading included, p50 and p95.',
    unit: 's',
    min: 0,
    queries: [
      ['p50', quantile(0.5, ofModel('foreman_job_time_to_first_token_seconds'))],
      ['p95', quantile(0.95, ofModel('foreman_job_time_to_first_token_seconds'))]
    ]
  }),
  graph({
    title: 'Time for a token, p95',
    description: 'Between two tokens of an answer, by model. What is read as it comes needs less than 0.1 s.',
    unit: 's',
    min: 0,
    queries: [['{{model}}', quantile(0.95, perToken, 'model')]]
  }),
  graph({
    title: 'Tokens generated a second',
    description: 'While generating, by model: tokens by the time that the target says it took.',
    unit: 'short',
    min: 0,
    queries: [['{{model}}', `${tokens('output')} / (${seconds('generation')} > 0)`]]
  }),
  graph({
    title: 'Prompt tokens read a second',
    description:
      'While reading prompts, by model. Falls where prompts are in the cache and little is left to read.',
    unit: 'short',
    min: 0,
    queries: [['{{model}}', `${tokens('input')} / (${seconds('prompt_eval')} > 0)`]]
  }),
  graph({
    title: 'Tokens, in all',
    description: 'A second of any time, idle included: what the box puts out.',
    unit: 'short',
    min: 0,
    queries: [['{{type}}', rate(ofModel('foreman_llm_tokens_total'), 'type')]]
  }),
  graph({
    title: 'Loading a model',
    description: 'The whole swap as foreman measured it, p50 and p95, by model.',
    unit: 's',
    min: 0,
    queries: [
      ['{{model}} p50', quantile(0.5, loading, 'model')],
      ['{{model}} p95', quantile(0.95, loading, 'model')]
    ]
  }),
  graph({
    title: 'How answers end',
    description: 'A minute. Length: cut off by num_predict or the context. Error: the target broke off.',
    unit: 'short',
    min: 0,
    stacked: 'normal',
    queries: [['{{reason}}', perMinute(ofModel('foreman_llm_finish_total'), 'reason')]]
  }),
  graph({
    title: 'Answers of the target',
    description: 'A minute, by endpoint and status, those that were not 2xx apart from the rest.',
    unit: 'short',
    min: 0,
    queries: [
      ['2xx', perMinute(series('foreman_target_requests_total', 'code="2xx"'))],
      [
        '{{endpoint}} {{code}}',
        perMinute(series('foreman_target_requests_total', 'code!="2xx"'), 'endpoint, code')
      ]
    ]
  }),
  graph({
    title: 'Silence of the target',
    description:
      'Since the last byte of the running answer. Calls that do not stream are silent to their end; a stream that is may hang.',
    unit: 's',
    min: 0,
    queries: [['silence', series('foreman_target_silence_seconds')]]
  }),
  heatmap({
    title: 'Length of prompts',
    description: 'In tokens, how many calls fell into which range.',
    unit: 'short',
    queries: [['{{le}}', buckets(ofModel('foreman_llm_request_tokens', 'type="input"'))]]
  }),
  heatmap({
    title: 'Length of answers',
    description: 'In tokens, how many calls fell into which range.',
    unit: 'short',
    queries: [['{{le}}', buckets(ofModel('foreman_llm_request_tokens', 'type="output"'))]]
  }),
  graph({
    title: 'Loaded models',
    description:
      'What GET /api/ps of the target lists, and its memory. A runner that foreman did not load is used past the queue.',
    unit: 'bytes',
    min: 0,
    stacked: 'normal',
    queries: [
      [
        '{{model}}',
        `${ofModel('foreman_target_model_vram_bytes')} and ${ofModel('foreman_target_model_loaded')} == 1`
      ]
    ]
  }),
  graph({
    title: 'Loaded past foreman',
    description: 'Runners that foreman did not load. Above 0 for 15 minutes is an alert.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [['runners', series('foreman_target_bypass_runners')]]
  }),
  graph({
    title: 'Installed models',
    description: 'On the last list that the target gave, by its version.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [
      [
        '{{version}}',
        `${series('foreman_inventory_models')} * on (instance) group_right ${series('foreman_target_info')}`
      ]
    ]
  }),
  graph({
    title: 'Age of the list of models',
    description: 'Since the target gave it. Grows while the target is away; the last list holds.',
    unit: 's',
    min: 0,
    queries: [['age', series('foreman_inventory_age_seconds')]]
  })
]

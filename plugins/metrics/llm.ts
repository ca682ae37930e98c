/** Series of what the target does for jobs: attempts, first tokens, speed, loads, and where its time goes. */
import type { FastifyInstance } from 'fastify'
import type { Histogram } from 'prom-client'
import { firstTokenBuckets, longBuckets, perTokenBuckets, tokenBuckets } from '../../core/buckets.ts'
import type { AttemptReport, AttemptWork } from '../../core/queue/attempt-report.ts'
import type { ModelLabels } from './model-labels.ts'
import type { Series } from './series.ts'

const secondMs = 1000

/** Counts and times attempts and loads from here on. */
export function addLlmSeries(app: FastifyInstance, series: Series, models: ModelLabels): void {
  const phases = phaseSeries(series, models)
  const follow = [
    attemptSeries(series, models),
    firstTokenSeries(series, models),
    tokenSeries(series, models),
    finishSeries(series, models),
    phases.ofAttempt
  ]
  app.telemetry.on('attempt', report => {
    const model = models.of(report.job.model)
    for (const one of follow) one(report, model)
  })
  app.telemetry.on('swap', ({ model, durationMs, loaded }) =>
    phases.ofSwap(models.of(model), durationMs / secondMs, loaded)
  )
}

type Follower = (report: AttemptReport, model: string) => void

function attemptSeries(series: Series, models: ModelLabels): Follower {
  const attempts = series.counter({
    name: 'foreman_job_attempts_total',
    help: 'Attempts on the target that are over.',
    labelNames: ['model', 'result']
  })
  const duration = series.histogram({
    name: 'foreman_job_run_duration_seconds',
    help: 'One attempt, from the request to the end of its answer; without the load before it.',
    labelNames: ['model', 'outcome'],
    buckets: longBuckets
  })
  models.keep(attempts, { result: ['success', 'retryable', 'fatal', 'timeout', 'canceled'] })
  models.keep(duration, { outcome: ['done', 'other'] })
  return ({ result, work }, model) => {
    attempts.inc({ model, result })
    const outcome = result === 'success' ? 'done' : 'other'
    if (work !== undefined) duration.observe({ model, outcome }, work.tookMs / secondMs)
  }
}

function firstTokenSeries(series: Series, models: ModelLabels): Follower {
  const felt = series.histogram({
    name: 'foreman_job_time_to_first_token_seconds',
    help: 'From the arrival of a job to the first byte of its answer; of streamed answers.',
    labelNames: ['model'],
    buckets: firstTokenBuckets
  })
  const own = series.histogram({
    name: 'foreman_llm_time_to_first_token_seconds',
    help: 'From the request to the target to the first byte of its answer; cold: after a load. Of streamed answers.',
    labelNames: ['model', 'load'],
    buckets: firstTokenBuckets
  })
  models.keep(felt, {})
  models.keep(own, { load: ['warm', 'cold'] })
  return ({ job, work, cold }, model) => {
    if (!work?.streams || work.firstByteMs === undefined || job.firstTokenAt === null) return
    own.observe({ model, load: cold ? 'cold' : 'warm' }, work.firstByteMs / secondMs)
    felt.observe({ model }, Math.max(0, job.firstTokenAt - job.createdAt) / secondMs)
  }
}

function tokenSeries(series: Series, models: ModelLabels): Follower {
  const tokens = series.counter({
    name: 'foreman_llm_tokens_total',
    help: 'Tokens of prompts (input) and answers (output), where the target told.',
    labelNames: ['model', 'type']
  })
  const lengths = series.histogram({
    name: 'foreman_llm_request_tokens',
    help: 'Tokens of one prompt (input) or answer (output), where the target told.',
    labelNames: ['model', 'type'],
    buckets: tokenBuckets
  })
  const perToken = series.histogram({
    name: 'foreman_llm_time_per_output_token_seconds',
    help: 'Time from token to token in a streamed answer, the first one left out.',
    labelNames: ['model'],
    buckets: perTokenBuckets
  })
  models.keep(tokens, { type: ['input', 'output'] })
  models.keep(lengths, { type: ['input', 'output'] })
  models.keep(perToken, {})
  return ({ work }, model) => {
    if (work?.figures === undefined) return
    const { inputTokens: input, outputTokens: output } = work.figures
    for (const [type, count] of Object.entries({ input, output })) {
      if (count === null) continue
      tokens.inc({ model, type }, count)
      lengths.observe({ model, type }, count)
    }
    observePace(perToken, model, work, output)
  }
}

function observePace(
  perToken: Histogram<'model'>,
  model: string,
  { streams, firstByteMs, lastByteMs }: AttemptWork,
  tokens: number | null
): void {
  if (!streams || firstByteMs === undefined || lastByteMs === undefined || tokens === null || tokens < 2)
    return
  perToken.observe({ model }, (lastByteMs - firstByteMs) / secondMs / (tokens - 1))
}

function finishSeries(series: Series, models: ModelLabels): Follower {
  const finish = series.counter({
    name: 'foreman_llm_finish_total',
    help: 'Why answers ended.',
    labelNames: ['model', 'reason']
  })
  models.keep(finish, { reason: ['stop', 'length', 'tool_calls', 'canceled', 'error', 'other'] })
  return ({ result, work }, model) => {
    const ended = result === 'success' ? (work?.figures?.reason ?? 'other') : 'error'
    finish.inc({ model, reason: result === 'canceled' ? 'canceled' : ended })
  }
}

function phaseSeries(series: Series, models: ModelLabels) {
  const phases = series.counter({
    name: 'foreman_llm_phase_seconds_total',
    help: "Time the target spent: load as foreman measured it, the others by the target's own clock.",
    labelNames: ['model', 'phase']
  })
  const loads = series.histogram({
    name: 'foreman_llm_model_load_seconds',
    help: 'One swap that ended with the model loaded: unload, wait, load.',
    labelNames: ['model'],
    buckets: longBuckets
  })
  models.keep(phases, { phase: ['load', 'prompt_eval', 'generation'] })
  models.keep(loads, {})
  return {
    ofSwap: (model: string, tookS: number, loaded: boolean) => {
      phases.inc({ model, phase: 'load' }, tookS)
      if (loaded) loads.observe({ model }, tookS)
    },
    ofAttempt: (({ work }, model) => {
      const { promptEvalMs, generationMs } = work?.figures ?? {}
      phases.inc({ model, phase: 'prompt_eval' }, (promptEvalMs ?? 0) / secondMs)
      phases.inc({ model, phase: 'generation' }, (generationMs ?? 0) / secondMs)
    }) satisfies Follower
  }
}

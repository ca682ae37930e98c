/** How fast each runner reads prompts and writes answers, by the target's own numbers on the last of its runs. */
import type { Database } from 'better-sqlite3'
import { RecentMap } from '../../core/queue/recent-map.ts'
import type { Telemetry } from '../../core/telemetry.ts'

/** Tokens of one run, and what they took; null where the target did not tell. */
export interface TokenRun {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly promptEvalMs: number | null
  readonly generationMs: number | null
}

/** Tokens per second; null before the first run that told. */
export interface TokenSpeed {
  readonly input: number | null
  readonly output: number | null
}

const secondMs = 1000
/** Runs of a runner that count. */
const window = 20
/** Newest runs of the store that a start learns from. Only those of jobs without a connection have their tokens there. */
const lately = 1000

const recorded = `SELECT run.runner, input_tokens AS inputTokens, output_tokens AS outputTokens,
    usage.prompt_eval_ms AS promptEvalMs, usage.generation_ms AS generationMs
  FROM (SELECT * FROM run ORDER BY seq DESC LIMIT ?) AS run JOIN job_usage AS usage USING (job_seq)
  WHERE run.outcome = 'done' AND NOT usage.estimated ORDER BY run.seq`

/** Learns from here on. */
export class TokenSpeeds {
  readonly #runs = new RecentMap<string, readonly TokenRun[]>()

  constructor(db: Database, telemetry: Telemetry) {
    for (const { runner, ...run } of db.prepare(recorded).all(lately) as (TokenRun & { runner: string })[])
      this.#record(runner, run)
    telemetry.on('attempt', ({ job, result, work }) => {
      if (result === 'success' && work?.figures !== undefined) this.#record(job.runner, work.figures)
    })
  }

  /** Of several runners together: those of one model. */
  of(runners: readonly string[]): TokenSpeed {
    const runs = runners.flatMap(runner => this.#runs.get(runner) ?? [])
    return {
      input: speed(runs.map(({ inputTokens, promptEvalMs }) => [inputTokens, promptEvalMs])),
      output: speed(runs.map(({ outputTokens, generationMs }) => [outputTokens, generationMs]))
    }
  }

  #record(runner: string, run: TokenRun): void {
    this.#runs.set(runner, [...(this.#runs.get(runner) ?? []), run].slice(-window))
  }
}

function speed(parts: readonly (readonly [tokens: number | null, ms: number | null])[]): number | null {
  let tokens = 0
  let ms = 0
  for (const [some, tookMs] of parts) {
    if (some === null || !tookMs) continue
    tokens += some
    ms += tookMs
  }
  return ms === 0 ? null : Math.round((tokens / ms) * secondMs * 10) / 10
}

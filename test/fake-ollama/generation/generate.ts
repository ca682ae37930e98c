/**
 * Speaks a plan on a runner: one permit, a pause for the prompt, then token by token.
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { toNs } from '../go/time.ts'
import { type Call, HttpError } from '../http/call.ts'
import { FaultDone } from '../http/early-faults.ts'
import type { Metrics } from '../native/piece.ts'
import { pause } from '../pause.ts'
import type { Runner } from '../scheduler/runner.ts'
import type { Plan } from './plan.ts'

/** The stream ends here although its last record is missing. */
export class CleanEndError extends Error {}

/** What is spoken next. */
export type Utterance = { thinking: string } | { token: string } | { calls: true }

const DEFAULT_ERROR = 'an error was encountered while running the model: fault injected'
const OUT_OF_MEMORY = 'llama-server reported an error: CUDA error: out of memory'

/** Runs `work` with a permit of the runner and counts it as a generation. */
export async function withPermit<T>(
  call: Call,
  runner: Runner,
  entry: CatalogEntry,
  work: () => Promise<T>
): Promise<T> {
  const { recorder } = call.world
  await runner.acquirePermit(call.signal)
  recorder.generationStart(entry, call.number)
  let detail = 'failed'
  try {
    const result = await work()
    detail = 'done'
    return result
  } finally {
    recorder.generationEnd(entry, call.number, detail)
    runner.releasePermit()
  }
}

/** Speaks the plan through `say`. Resolves with the metrics for the last record. */
export function speak(
  call: Call,
  runner: Runner,
  entry: CatalogEntry,
  plan: Plan,
  say: (utterance: Utterance) => void | Promise<void>
): Promise<Omit<Metrics, 'total_duration' | 'load_duration'>> {
  return withPermit(call, runner, entry, async () => {
    const { config } = call.world
    const startMs = performance.now()
    await pause(entry.config.prompt_delay_ms ?? config.prompt_delay_ms, call.signal)
    const promptMs = performance.now()
    const utterances = utterancesOf(plan, entry)
    for (const [sent, utterance] of utterances.entries()) {
      await strikeMidway(call, runner, sent)
      await pause(entry.config.token_delay_ms ?? config.token_delay_ms, call.signal)
      await say(utterance)
      call.signal.throwIfAborted()
    }
    await strikeMidway(call, runner, utterances.length)
    return {
      prompt_eval_count: plan.promptTokens,
      prompt_eval_duration: toNs(promptMs - startMs),
      eval_count: utterances.length,
      eval_duration: toNs(performance.now() - promptMs)
    }
  })
}

function utterancesOf(plan: Plan, entry: CatalogEntry): Utterance[] {
  const spoken: Utterance[] = plan.thinking.map(thinking => ({ thinking }))
  spoken.push(...plan.tokens.map(token => ({ token })))
  if (plan.toolCalls.length > 0 && entry.config.tool_framing === 'chunk') spoken.push({ calls: true })
  return spoken
}

/** Lets a fault strike once `sent` chunks are out. */
async function strikeMidway(call: Call, runner: Runner, sent: number): Promise<void> {
  const fault = call.faults.of('error_line', 'reset', 'clean_end', 'stall', 'runner_crash', 'oom')
  if (fault === undefined || (fault.after ?? 0) !== sent) return
  const { scheduler } = call.world
  switch (fault.kind) {
    case 'error_line':
      throw new HttpError(fault.status ?? 500, fault.message ?? DEFAULT_ERROR)
    case 'reset':
      call.wire.cut(true)
      throw new FaultDone()
    case 'clean_end':
      throw new CleanEndError()
    case 'stall':
      await pause(fault.for_ms ?? Infinity, call.signal)
      return
    case 'runner_crash':
      scheduler.crash(runner)
      throw call.signal.reason
    default:
      scheduler.expireAll()
      throw new HttpError(500, fault.message ?? OUT_OF_MEMORY)
  }
}

/**
 * The course that generate and chat share: get a runner, perhaps stop at "load", speak, let go.
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { CleanEndError, speak, type Utterance } from '../generation/generate.ts'
import { logprobOf, makePlan, type Plan } from '../generation/plan.ts'
import { nowMs, toNs } from '../go/time.ts'
import { type Call, HttpError } from '../http/call.ts'
import { FaultDone } from '../http/early-faults.ts'
import { ClientGoneError } from '../pause.ts'
import { loadOptions, mergeOptions } from '../scheduler/load-options.ts'
import type { Runner } from '../scheduler/runner.ts'
import { QueueFullError } from '../scheduler/scheduler.ts'
import { CloudError } from './lookup.ts'
import { emptyPiece, type Piece, type Reply } from './piece.ts'
import type { Tool } from './requests.ts'
import { runnerChecks } from './shared-checks.ts'

// How many times over the real server lets an answer fill the context.
const CONTEXTS_PER_ANSWER = 10

/** What the scheduler needs to know of a request. */
export interface RunRequest {
  options: Record<string, unknown> | undefined
  keep_alive: number | undefined
  shift?: boolean | undefined
}

/** What the answer needs to know of a request. */
export interface AnswerRequest {
  model: string
  format: unknown
  logprobs: boolean
  top_logprobs: number
}

/** What the answer is made from besides. */
export interface AnswerInput {
  prompt: string
  images: number
  think: boolean
  /** The tools to call, instead of an answer or after it. */
  tools?: Tool[]
  /** Put the deprecated `context` on the last record. */
  withContext?: boolean
}

/** A request with its runner and its options over the model's own. */
export interface Run {
  readonly call: Call
  readonly entry: CatalogEntry
  readonly runner: Runner
  readonly merged: Record<string, unknown>
}

/** Runs a route's work and puts every way it can fail into the reply. */
export async function answering(reply: Reply, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof CleanEndError) await reply.finish()
    else if (error instanceof HttpError) {
      reply.refuse(error.status, error.message, error instanceof CloudError ? error.extra : undefined)
    } else if (!(error instanceof FaultDone || error instanceof ClientGoneError)) throw error
  }
}

/**
 * Runs `work` with the model in memory, and lets go of it afterwards.
 * @throws {HttpError} 500 for options of the wrong type and failed loads, 503 when the queue is full.
 */
export async function withRunner<T>(
  call: Call,
  entry: CatalogEntry,
  request: RunRequest,
  work: (run: Run) => Promise<T>
): Promise<T> {
  const { scheduler, config } = call.world
  const merged = optionsOf(entry, request)
  const options = loadOptions(entry, merged, request.shift, config)
  const runner = await scheduler
    .acquire({ entry, options, keepAliveMs: request.keep_alive, user: call, faults: call.faults })
    .catch((error: Error) => {
      if (error instanceof ClientGoneError) throw error
      throw new HttpError(error instanceof QueueFullError ? 503 : 500, error.message)
    })
  try {
    return await work({ call, entry, runner, merged })
  } finally {
    scheduler.release(runner, call)
  }
}

function optionsOf(entry: CatalogEntry, request: RunRequest): Record<string, unknown> {
  try {
    return mergeOptions(entry, request.options)
  } catch (error) {
    throw new HttpError(500, (error as Error).message)
  }
}

/** The one record of a request that only loads or unloads. */
export function stateChange(model: string, doneReason: 'load' | 'unload'): Piece {
  return { ...emptyPiece(model, nowMs()), done: true, doneReason }
}

/** Speaks the answer into the reply. */
export async function answer(
  run: Run,
  request: AnswerRequest,
  input: AnswerInput,
  reply: Reply
): Promise<void> {
  const { call, entry, runner } = run
  const loadedMs = nowMs()
  const plan = planFor(run, request, input)
  const say = (utterance: Utterance): void | Promise<void> =>
    reply.piece({ ...emptyPiece(request.model, nowMs()), ...spoken(utterance, request, plan) })
  try {
    runnerChecks(entry, request.format, input.images)
    const spoke = await speak(call, runner, entry, plan, say)
    await reply.piece({
      ...emptyPiece(request.model, nowMs()),
      toolCalls: entry.config.tool_framing === 'final' ? plan.toolCalls : [],
      done: true,
      doneReason: plan.doneReason,
      context: input.withContext ? contextOf(plan) : undefined,
      metrics: {
        total_duration: toNs(nowMs() - call.startedMs),
        load_duration: toNs(loadedMs - call.startedMs),
        ...spoke
      }
    })
    await reply.finish()
  } catch (error) {
    if (isNoFailure(error)) throw error
    await reply.fail(error instanceof HttpError ? error.status : 500, (error as Error).message)
  }
}

function isNoFailure(error: unknown): boolean {
  return error instanceof CleanEndError || error instanceof FaultDone || error instanceof ClientGoneError
}

function planFor({ call, entry, runner, merged }: Run, request: AnswerRequest, input: AnswerInput): Plan {
  return makePlan({
    ...input,
    json: Boolean(request.format),
    numPredict: merged.num_predict as number | undefined,
    maxTokens: CONTEXTS_PER_ANSWER * runner.options.num_ctx,
    // There `max_tokens` is a limit; natively a test says with `num_predict` how long the answer is.
    mayStopEarly: call.path.startsWith('/v1/'),
    tokenCount: entry.config.token_count ?? call.world.config.token_count,
    // What is in memory speaks, whatever name it was asked for by.
    word: runner.entry.config.word,
    talksWithTools: entry.config.talks_with_tools,
    stop: (merged.stop as string[] | undefined) ?? [],
    faults: call.faults
  })
}

function contextOf(plan: Plan): number[] {
  return Array.from({ length: plan.promptTokens + plan.tokens.length }, (_, i) => i + 1)
}

function spoken(utterance: Utterance, request: AnswerRequest, plan: Plan): Partial<Piece> {
  if ('calls' in utterance) return { toolCalls: plan.toolCalls }
  const text = 'token' in utterance ? utterance.token : utterance.thinking
  const logprobs = request.logprobs ? [logprobOf(text, request.top_logprobs)] : []
  return 'token' in utterance ? { content: text, logprobs } : { thinking: text, logprobs }
}

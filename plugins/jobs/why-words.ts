/** Puts the pieces of a wait together by their reason, and each reason into one English sentence. */
import { type Static, Type } from 'typebox'
import type { Piece, WaitKind } from './why-pieces.ts'

const waitKinds = [
  ...['behind_resident', 'behind_own_model', 'behind_turn', 'swap', 'not_before', 'retry_backoff'],
  ...['load_backoff', 'failed_attempt', 'lingering', 'idle', 'embed_lane', 'not_recorded'],
  ...['paused', 'target_down', 'foreman_down']
] as const satisfies readonly WaitKind[]

const runKinds = ['prefill', 'generation', 'run', 'failed_attempt'] as const

/** One reason. Clients must take kinds that they do not know. */
export const reasonSchema = Type.Object({
  kind: Type.Enum([...new Set([...waitKinds, ...runKinds])]),
  waiting: Type.Boolean({ description: 'Part of the wait; the others are of the run that followed.' }),
  s: Type.Number({ description: 'Seconds, all times of this kind together.' }),
  times: Type.Integer({ description: 'How often.' }),
  jobs: Type.Optional(Type.Integer({ description: 'Jobs that ran in this time.' })),
  model: Type.Optional(Type.String()),
  runner: Type.Optional(Type.String()),
  attempt: Type.Optional(Type.Integer()),
  error_code: Type.Optional(Type.String()),
  sentence: Type.String()
})

/** What {@link reasonSchema} describes. */
export type Reason = Static<typeof reasonSchema>

/** What happened in the run that counts. Times in ms. */
export interface RunPart {
  readonly kind: (typeof runKinds)[number]
  readonly ms: number
  readonly attempt: number
  readonly code?: string
  /** It is not over. */
  readonly goesOn?: boolean
}

interface Wait {
  readonly piece: Piece
  readonly jobs: Set<number>
  ms: number
  times: number
  endedAt: number
}

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

/** Collects pieces; those of one kind and one model become one reason. */
export class Waits {
  readonly #waits = new Map<string, Wait>()

  add(piece: Piece): void {
    const { kind, runner = '', attempt = '', from, to, jobSeq } = piece
    const key = `${kind} ${attempt} ${runner}`
    const wait = this.#waits.get(key) ?? { piece, jobs: new Set(), ms: 0, times: 0, endedAt: Number.NaN }
    this.#waits.set(key, wait)
    wait.ms += to - from
    if (wait.endedAt !== from || kind === 'swap') wait.times += 1
    wait.endedAt = to
    if (jobSeq !== undefined) wait.jobs.add(jobSeq)
  }

  /** All of them in ms. */
  get ms(): number {
    return [...this.#waits.values()].reduce((sum, { ms }) => sum + ms, 0)
  }

  /** In the order in which they were first met. */
  reasons(): Reason[] {
    return [...this.#waits.values()].map(reasonOf)
  }

  /** In one sentence. */
  summary(): string {
    const longest = [...this.#waits.values()].reduce((a, b) => (b.ms > a.ms ? b : a), nothing)
    if (longest === nothing) return 'It has not waited.'
    if (this.#waits.size === 1) return sentenceOf(longest)
    return `Waited ${spoken(this.ms)}; ${spoken(longest.ms)} of it ${phraseOf(longest)}.`
  }
}

const nothing: Wait = {
  piece: { kind: 'idle', from: 0, to: 0 },
  ...{ jobs: new Set<number>(), ms: 0, times: 0, endedAt: 0 }
}

function reasonOf(wait: Wait): Reason {
  const { piece, jobs, ms, times } = wait
  const { kind, runner, model, attempt, code } = piece
  return {
    ...{ kind, waiting: true, s: seconds(ms), times },
    ...(jobs.size > 0 && { jobs: jobs.size }),
    ...(model && { model }),
    ...(runner !== undefined && { runner }),
    ...(attempt !== undefined && { attempt }),
    ...(code !== undefined && { error_code: code }),
    sentence: sentenceOf(wait)
  }
}

/** What the run came to, as a reason. */
export function runReason({ kind, ms, attempt, code, goesOn = false }: RunPart): Reason {
  const time = spoken(ms)
  const sentences = {
    prefill: `Read the prompt for ${time}.`,
    generation: `Wrote the answer for ${time}.`,
    run: goesOn ? `Has run for ${time}.` : `Ran for ${time}.`,
    failed_attempt: `Attempt ${attempt} ran for ${time} and failed: ${code}.`
  }
  const facts = kind === 'failed_attempt' ? { attempt, error_code: code } : {}
  return { kind, waiting: false, s: seconds(ms), times: 1, ...facts, sentence: sentences[kind] }
}

function sentenceOf(wait: Wait): string {
  return `Waited ${spoken(wait.ms)} ${phraseOf(wait)}.`
}

function phraseOf({ piece, jobs, times }: Wait): string {
  const { attempt, code } = piece
  const model = piece.model ?? 'another model'
  const often = times > 1 ? ` (${times} times)` : ''
  const phrases: Readonly<Record<WaitKind, string>> = {
    behind_resident: `behind ${counted(jobs.size)} of the loaded model ${model}`,
    behind_own_model: `behind ${counted(jobs.size)} of its own model ${model}`,
    behind_turn: `for ${counted(jobs.size)} of ${model}, whose turn it was`,
    swap: `for ${model} to be loaded${often}`,
    not_before: 'because it was not to start before',
    retry_backoff: `before another attempt${often}`,
    load_backoff: `before its model was loaded again, which had failed${often}`,
    failed_attempt: `while attempt ${attempt} ran and failed: ${code ?? 'unknown'}`,
    lingering: `while the worker stayed ready for callers of ${model}${often}`,
    idle: 'on its way to the worker',
    embed_lane: 'behind other embeddings, or for their model to be loaded',
    not_recorded: 'in a time that is no longer recorded',
    paused: `in a pause of the queue${often}`,
    target_down: `for the target, which was away${often}`,
    foreman_down: `while foreman was not running${often}`
  }
  return phrases[piece.kind]
}

/** To the microsecond. */
function seconds(ms: number): number {
  return Math.round(ms * secondMs) / secondMs ** 2
}

function counted(jobs: number): string {
  return jobs === 1 ? '1 job' : `${jobs} jobs`
}

/** A time as one says it: `less than 0.01 s`, `0.02 s`, `22.1 s`, `4 min 12 s`, `2 h 5 min`. */
export function spoken(ms: number): string {
  if (ms < 5) return 'less than 0.01 s'
  if (ms < secondMs) return `${(ms / secondMs).toFixed(2)} s`
  if (ms < minuteMs - 50) return `${(ms / secondMs).toFixed(1)} s`
  if (ms < hourMs - 500) return halves(Math.round(ms / secondMs), 'min', 's')
  return halves(Math.round(ms / minuteMs), 'h', 'min')
}

function halves(small: number, bigUnit: string, smallUnit: string): string {
  const rest = small % 60
  return `${Math.floor(small / 60)} ${bigUnit}${rest === 0 ? '' : ` ${rest} ${smallUnit}`}`
}

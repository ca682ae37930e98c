/**
 * What the demo asks of foreman: three models of which one fits into memory, and four kinds of callers.
 *
 * The same seed gives the same calls. Times are those of speed 1; a real server is some ten times slower.
 */
import type { Priority } from '../../core/jobs/priority.ts'

/** A model of the demo's server. Times in ms. */
export interface DemoModel {
  readonly name: string
  readonly sizeBytes: number
  readonly loadMs: number
  /** Time for each token of an answer. */
  readonly tokenMs: number
}

/** Small, middle and large: the larger, the more a swap costs. */
export const demoModels: readonly DemoModel[] = [
  { name: 'qwen3:4b', sizeBytes: 2_600_000_000, loadMs: 700, tokenMs: 14 },
  { name: 'gemma3:12b', sizeBytes: 8_100_000_000, loadMs: 1400, tokenMs: 18 },
  { name: 'llama3.3:70b', sizeBytes: 42_500_000_000, loadMs: 2600, tokenMs: 24 }
]

/** One call of a client. */
export interface Call {
  readonly model: string
  readonly priority: Priority
  /** The route it takes: `/api/chat` or `/api/generate`. */
  readonly route: 'chat' | 'generate'
  readonly streams: boolean
  /** Length of the answer. */
  readonly tokens: number
}

/** A client: waits, then makes its calls one after another, with a pause after each answer. Times in ms. */
export interface Caller {
  readonly startMs: number
  readonly pauseMs: number
  readonly calls: readonly Call[]
}

/** Numbers from 0 to 1 (excluded), the same for the same seed: a linear congruential generator. */
export function seededRandom(seed: number): () => number {
  const modulus = 2 ** 32
  let state = seed % modulus
  const next = () => {
    state = (state * 1_664_525 + 1_013_904_223) % modulus
    return state / modulus
  }
  // Neighboring seeds begin with neighboring numbers.
  for (let skipped = 0; skipped < 8; skipped++) next()
  return next
}

/**
 * The callers of one run: a pile of batch jobs at the start, normal jobs and people dropping in while it is worked
 * off, and an agent that calls again as soon as it has its answer. 82 calls.
 */
export function planCallers(seed: number): Caller[] {
  const random = seededRandom(seed)
  const within = (from: number, to: number) => Math.floor(from + random() * (to - from))
  const anyModel = () => demoModels[within(0, demoModels.length)]!.name

  const once = (startMs: number, call: Omit<Call, 'model' | 'tokens'>): Caller => ({
    startMs,
    pauseMs: 0,
    calls: [{ ...call, model: anyModel(), tokens: within(4, 14) }]
  })
  const several = (count: number, caller: () => Caller) => Array.from({ length: count }, caller)

  return [
    ...several(32, () => once(within(0, 1500), { priority: 'batch', route: 'generate', streams: false })),
    ...several(24, () => once(within(0, 14_000), { priority: 'normal', route: 'chat', streams: false })),
    ...several(14, () =>
      once(within(500, 15_000), { priority: 'interactive', route: 'chat', streams: true })
    ),
    { startMs: 2000, pauseMs: 100, calls: Array<Call>(12).fill(agentCall) }
  ]
}

/** Somebody waits for the agent's work, so each of its calls is interactive: the default of such calls. */
const agentCall: Call = {
  model: 'gemma3:12b',
  priority: 'interactive',
  route: 'chat',
  streams: false,
  tokens: 6
}

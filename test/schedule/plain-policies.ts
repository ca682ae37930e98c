/**
 * Three plain ways to order the work of one worker, for the table: what the schedule is compared with.
 * Each chooses a runner when the worker is free and knows nothing else; all run on the simulated clock.
 */
import { Agenda } from './agenda.ts'
import { type Outcome, Tally } from './outcome.ts'
import type { Call } from './simulation.ts'
import { type Callable, play, toMs, type Workload } from './workloads.ts'

/** What a plain policy may look at. Times in ms. */
interface Choice {
  readonly now: number
  readonly resident: string | undefined
  /** Whether the resident runner has a job waiting. */
  readonly residentWaits: boolean
  /** The job that waits longest. */
  readonly oldest: { readonly runner: string; readonly at: number }
}

/** Gives the runner whose oldest job is next. */
type Policy = (choice: Choice) => string

const ageLimitMs = 60_000
const drain: Policy = ({ resident, residentWaits, oldest }) => (residentWaits ? resident! : oldest.runner)

/** By the name that the table gives them. */
export const plainPolicies = {
  /** First come, first served. */
  'arrival order': ({ oldest }) => oldest.runner,
  /** The resident runner first, unless somebody has waited for more than a minute. */
  'age limit 60 s': choice =>
    choice.now - choice.oldest.at > ageLimitMs ? choice.oldest.runner : drain(choice),
  /** The resident runner first, then whoever waits longest. */
  'plain drain': drain
} satisfies Record<string, Policy>

interface Waiting {
  readonly call: Call
  readonly at: number
  readonly order: number
  readonly onEnd: (() => void) | undefined
}

/** Runs a workload under a plain policy. */
export function runPlain(workload: Workload, policy: Policy): Outcome {
  const worker = new PlainWorker(policy, runner => toMs(workload.load(runner)))
  play(workload, worker)
  return worker.run(workload.until === undefined ? Number.POSITIVE_INFINITY : toMs(workload.until))
}

class PlainWorker implements Callable {
  readonly agenda = new Agenda()
  readonly #policy: Policy
  readonly #loadMs: (runner: string) => number
  readonly #waiting = new Map<string, Waiting[]>()
  readonly #tally = new Tally()
  #resident: string | undefined
  #arrivals = 0

  constructor(policy: Policy, loadMs: (runner: string) => number) {
    this.#policy = policy
    this.#loadMs = loadMs
  }

  call(at: number, call: Call, onEnd?: () => void): void {
    this.agenda.at(at, () => {
      this.#arrivals += 1
      const line = this.#waiting.get(call.runner) ?? []
      line.push({ call, at: this.agenda.now, order: this.#arrivals, onEnd })
      this.#waiting.set(call.runner, line)
    })
  }

  run(until: number): Outcome {
    this.agenda.advanceTo(this.agenda.now)
    while (this.agenda.now < until) {
      const next = this.#take()
      if (next !== undefined) this.#work(next)
      else if (this.agenda.nextAt === Number.POSITIVE_INFINITY) break
      else this.agenda.advanceTo(this.agenda.nextAt)
    }
    return this.#tally.outcome(this.agenda.now)
  }

  #take(): Waiting | undefined {
    const heads = [...this.#waiting.values()].flatMap(line => line.slice(0, 1))
    if (heads.length === 0) return undefined
    const oldest = heads.reduce((a, b) => (a.order < b.order ? a : b))
    const runner = this.#policy({
      now: this.agenda.now,
      resident: this.#resident,
      residentWaits: heads.some(({ call }) => call.runner === this.#resident),
      oldest: { runner: oldest.call.runner, at: oldest.at }
    })
    return this.#waiting.get(runner)?.shift()
  }

  #work({ call, at, onEnd }: Waiting): void {
    if (call.runner !== this.#resident) this.#load(call.runner)
    this.#tally.waitsMs[call.priority].push(this.agenda.now - at)
    this.agenda.advanceTo(this.agenda.now + call.workMs)
    onEnd?.()
  }

  #load(runner: string): void {
    const loadMs = this.#loadMs(runner)
    this.agenda.advanceTo(this.agenda.now + loadMs)
    this.#tally.loads += 1
    this.#tally.loadingMs += loadMs
    this.#resident = runner
  }
}

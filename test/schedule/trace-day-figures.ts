/**
 * What loading comes to over a day under foreman's schedule, and under plain arrival order: by foreman's own ledger, by
 * counting the same arrivals again, and by playing the day to callers who are served in that order.
 */
import { Agenda } from './agenda.ts'
import type { Call, Load } from './simulation.ts'
import { Simulation } from './simulation.ts'
import {
  asSent,
  type Company,
  type ContextRule,
  Day,
  type DayModel,
  dayLoadMs,
  weightsOf
} from './trace-day.ts'
import type { Callable } from './workloads.ts'

/** Loads and the seconds they took. */
export interface LoadSum {
  readonly loads: number
  readonly seconds: number
}

/** One day. */
export interface DayFigures {
  readonly jobs: number
  /** Seconds of work, loads not counted. */
  readonly workS: number
  readonly foreman: LoadSum
  /** Seconds from the begin of the day until everything was done, by foreman and in arrival order. */
  readonly doneS: { readonly foreman: number; readonly played: number }
  /** Those of them that replaced a runner on the same weights: for its context alone. */
  readonly forContext: LoadSum
  /** What foreman's ledger says that arrival order would have cost. */
  readonly ledger: LoadSum
  /** The same arrivals, counted here. */
  readonly counted: LoadSum
  /** Arrival order, with callers who wait for their answers in that order. */
  readonly played: LoadSum
  /** The largest context that was asked for, by model. */
  readonly largest: ReadonlyMap<DayModel, number>
}

/** Plays a day. */
export async function playDay(
  seed: number,
  company: Company,
  rule: ContextRule = asSent
): Promise<DayFigures> {
  using simulation = new Simulation({ loadMs: dayLoadMs })
  const day = new Day(simulation, seed, company, rule)
  day.play()
  await simulation.run()
  while (simulation.ledger.advance());
  const { arrivalLoads, arrivalLoadMs } = simulation.ledger.inAll()
  const server = new ArrivalOrderServer()
  new Day(server, seed, company, rule).play()
  const served = server.run()
  return {
    jobs: simulation.records.length,
    workS: simulation.records.reduce((sum, { call }) => sum + call.workMs, 0) / 1000,
    foreman: sumOf(simulation.loads.map(({ runner }) => runner)),
    forContext: sumOf(forContextAlone(simulation.loads)),
    ledger: { loads: arrivalLoads, seconds: arrivalLoadMs / 1000 },
    counted: sumOf(changes(simulation.records.map(({ call }) => call.runner))),
    played: sumOf(changes(served)),
    doneS: { foreman: simulation.agenda.now / 1000, played: server.agenda.now / 1000 },
    largest: day.largest
  }
}

/** The same day with every context of a model raised to the largest that is asked for. */
export function raisedTo(largest: ReadonlyMap<DayModel, number>): ContextRule {
  return (model, numCtx) => largest.get(model) ?? numCtx
}

function forContextAlone(loads: readonly Load[]): string[] {
  const runners = loads.map(({ runner }) => runner)
  return runners.filter((runner, index) => index > 0 && weightsOf(runner) === weightsOf(runners[index - 1]!))
}

/** Each runner that is not the one before it. */
function changes(runners: readonly string[]): string[] {
  return runners.filter((runner, index) => runner !== runners[index - 1])
}

function sumOf(runners: readonly string[]): LoadSum {
  return {
    loads: runners.length,
    seconds: runners.reduce((sum, runner) => sum + dayLoadMs(runner), 0) / 1000
  }
}

/** First come, first served, with one model in memory. */
class ArrivalOrderServer implements Callable {
  readonly agenda = new Agenda()
  readonly #line: { call: Call; onEnd?: () => void }[] = []

  call(at: number, call: Call, onEnd?: () => void): void {
    this.agenda.at(at, () => this.#line.push({ call, onEnd }))
  }

  /** Serves until nothing is left. @returns the runners in the order in which they were served */
  run(): string[] {
    const served: string[] = []
    for (;;) {
      const next = this.#line.shift()
      if (next !== undefined) this.#serve(next, served)
      else if (this.agenda.nextAt === Number.POSITIVE_INFINITY) return served
      else this.agenda.advanceTo(this.agenda.nextAt)
    }
  }

  #serve({ call, onEnd }: { call: Call; onEnd?: () => void }, served: string[]): void {
    const loadMs = call.runner === served.at(-1) ? 0 : dayLoadMs(call.runner)
    served.push(call.runner)
    this.agenda.advanceTo(this.agenda.now + loadMs + call.workMs)
    onEnd?.()
  }
}

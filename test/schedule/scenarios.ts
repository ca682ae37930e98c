/**
 * Random scenarios for the schedule, each drawn from one seed: traffic, target and rules.
 * Poisson arrivals, bursts and agents mixed, one to eight runners whose loads differ up to a hundredfold.
 */
import { priorities } from '../../core/jobs/priority.ts'
import type { Longest } from './claim-waits.ts'
import type { TargetFacts } from './simulated-target.ts'
import { type Call, defaultRules, type Rules, type Simulation } from './simulation.ts'
import { exponential, seeded } from './workloads.ts'

const secondMs = 1000
/** What the schedule expects of a runner that was never loaded. */
const unknownLoadMs = 10 * secondMs

/** Draws of one scenario. */
class Dice {
  readonly random: () => number

  constructor(seed: number) {
    this.random = seeded(seed)
  }

  chance(part: number): boolean {
    return this.random() < part
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1))
  }

  pick<T>(values: readonly T[]): T {
    return values[this.whole(0, values.length - 1)]!
  }

  /** A whole number, each order of magnitude alike. */
  spread(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.random())
  }
}

/** One drawn scenario. */
export interface Scenario {
  readonly rules: Rules
  readonly target: TargetFacts
  readonly longest: Longest
  /** Sets all calls. */
  readonly play: (simulation: Simulation) => void
}

/** Plays what is drawn from a seed. @throws what went wrong, with the seed by which to play it again */
export async function played<T>(seed: number, play: () => Promise<T>): Promise<T> {
  try {
    return await play()
  } catch (err) {
    throw new Error(`TEST_SEED=${seed}: ${(err as Error).message}`, { cause: err })
  }
}

/** The scenario of a seed: 10 to 1 000 calls, the same ones whatever the slots. */
export function scenario(seed: number, slots = 1): Scenario {
  const dice = new Dice(seed)
  const calls = dice.spread(10, 1000)
  const runners = [...'abcdefgh'].slice(0, dice.whole(1, 8))
  const loads = drawLoads(dice, runners)
  const longestLoad = Math.max(...loads.values())
  const longestWork = dice.spread(500, 60 * secondMs)
  const brokenPart = dice.pick([0, 0, 0, 0.1, 0.5])
  const broken = new Set(runners.filter(() => dice.chance(brokenPart)))
  const failing = dice.pick([0.2, 1])
  const target = {
    loadMs: (runner: string) => loads.get(runner)!,
    loadFails: (runner: string) => broken.has(runner) && dice.chance(failing),
    keepsOld: dice.chance(0.3)
  }
  const traffic = new Traffic(dice, runners, longestWork)
  const rules = drawRules(dice)
  return {
    rules: { ...rules, rules: { ...rules.rules, slots } },
    target,
    longest: { load: longestLoad, expected: Math.max(unknownLoadMs, longestLoad), work: longestWork },
    play: simulation => traffic.play(simulation, calls)
  }
}

/** A drawn backlog that never ends, on every runner. */
export interface StandingBacklog {
  readonly rules: Rules
  readonly target: TargetFacts
  readonly longest: Longest
  readonly flows: readonly Call[]
  /** Calls of each flow at a time: the more, the longer each has waited. */
  readonly depth: number
}

/** The backlog of a seed: two to eight runners with work of `classes` classes at most, drawn from all three. */
export function standingBacklog(seed: number, classes: number): StandingBacklog {
  const dice = new Dice(seed)
  const runners = [...'abcdefgh'].slice(0, dice.whole(2, 8))
  const loads = drawLoads(dice, runners)
  const longestLoad = Math.max(...loads.values())
  // Not long beside the loads: by as much as a job a turn may last longer than it has to.
  const work = 2 * Math.ceil((longestLoad * dice.pick([0.1, 0.3, 1])) / 2)
  const patience = dice.pick([0, 15 * secondMs])
  const drawn = Array.from({ length: classes }, () => dice.pick(priorities))
  const flow = (runner: string): Call => ({
    runner,
    priority: dice.pick(drawn),
    workMs: dice.whole(work / 2, work)
  })
  return {
    rules: { ...drawRules(dice), patienceMs: { interactive: patience, normal: patience, batch: patience } },
    target: { loadMs: runner => loads.get(runner)! },
    longest: { load: longestLoad, expected: Math.max(unknownLoadMs, longestLoad), work },
    depth: dice.pick([2, 50]),
    flows: runners.flatMap(runner => Array.from({ length: dice.whole(1, 2) }, () => flow(runner)))
  }
}

function drawLoads(dice: Dice, runners: readonly string[]): Map<string, number> {
  const dearest = dice.spread(secondMs, 100 * secondMs)
  const cheapest = Math.max(1, Math.round(dice.pick([dearest, 0.8 * dearest, dearest / 100])))
  return new Map(runners.map(runner => [runner, dice.spread(cheapest, dearest)]))
}

function drawRules(dice: Dice): Rules {
  const { retry, rules, patienceMs } = defaultRules()
  if (dice.chance(0.3)) return { retry, rules, patienceMs }
  const each = (draw: () => number) => ({ interactive: draw(), normal: draw(), batch: draw() })
  return {
    retry,
    rules: {
      loadShare: each(() => dice.pick([0.05, 0.1, 0.19, 0.2, 0.5, 0.9])),
      linger: dice.pick([0, 0.1, 0.5, 1]),
      slots: 1
    },
    patienceMs: each(() => dice.pick([0, 1, 15, 60, 600, 3600]) * secondMs)
  }
}

/** Calls of all sorts on one set of runners. */
class Traffic {
  readonly #dice: Dice
  readonly #runners: readonly string[]
  readonly #longestWork: number
  readonly #meanGap: number
  readonly #leaving: number
  readonly #failing: number
  readonly #delayed: number

  constructor(dice: Dice, runners: readonly string[], longestWork: number) {
    this.#dice = dice
    this.#runners = runners
    this.#longestWork = longestWork
    this.#meanGap = dice.spread(longestWork / 10, longestWork * 4)
    this.#leaving = dice.pick([0, 0, 0.1, 0.4])
    this.#failing = dice.pick([0, 0, 0.05, 0.3])
    this.#delayed = dice.pick([0, 0, 0.05])
  }

  play(simulation: Simulation, calls: number): void {
    let at = 0
    let left = calls
    while (left > 0) {
      at += Math.round(exponential(this.#dice.random, this.#meanGap))
      left -= this.#some(simulation, at, left)
    }
  }

  /** @returns how many calls will come of it */
  #some(simulation: Simulation, at: number, atMost: number): number {
    const { random } = this.#dice
    const draw = random()
    const many = Math.min(atMost, this.#dice.spread(2, 60))
    if (draw < 0.01) return this.#burst(simulation, at, many)
    if (draw < 0.02) return this.#agent(simulation, at, many)
    simulation.call(at, this.#call(at))
    return 1
  }

  #burst(simulation: Simulation, at: number, calls: number): number {
    const one = this.#call(at)
    const alike = this.#dice.chance(0.5)
    for (let i = 0; i < calls; i++) simulation.call(at + i, alike ? one : this.#call(at))
    return calls
  }

  #agent(simulation: Simulation, at: number, calls: number): number {
    const call = { ...this.#call(at), notBefore: undefined }
    const thinkMs = this.#dice.spread(1, 10 * secondMs)
    const again = (left: number) => () => {
      if (left > 0) simulation.call(simulation.agenda.now + thinkMs, call, again(left - 1))
    }
    simulation.call(at, call, again(calls - 1))
    return calls
  }

  #call(at: number): Call {
    const dice = this.#dice
    return {
      runner: dice.pick(this.#runners),
      priority: dice.pick(priorities),
      workMs: dice.whole(1, this.#longestWork),
      attached: dice.chance(0.3),
      ...(dice.chance(this.#delayed) && { notBefore: at + dice.spread(1, 600 * secondMs) }),
      ...(dice.chance(this.#leaving) && { patientForMs: dice.spread(100, 600 * secondMs) }),
      ...(dice.chance(this.#failing) && { failures: dice.whole(1, 5), crashes: dice.chance(0.3) })
    }
  }
}

/**
 * The fixed workloads of the table: seeded, so that they are the same everywhere and tables can be compared.
 * Written down in seconds, as one thinks of them; {@link play} turns them into the simulation's ms.
 */
import type { Priority } from '../../core/jobs/priority.ts'
import type { Agenda } from './agenda.ts'
import type { Call } from './simulation.ts'

/** One call that comes at a time of its own. Times in seconds. */
export interface Arrival {
  readonly at: number
  readonly runner: string
  readonly priority: Priority
  readonly work: number
}

/** A caller who calls again `think` seconds after each answer, `calls` times in all. */
export interface Agent {
  readonly runner: string
  readonly priority: Priority
  readonly work: number
  readonly think: number
  readonly calls: number
  readonly start: number
}

/** What a table row is made from. */
export interface Workload {
  /** Seconds of a swap to a runner. */
  readonly load: (runner: string) => number
  readonly arrivals: readonly Arrival[]
  readonly agents: readonly Agent[]
  /** No job starts after this second; all do when left out. */
  readonly until?: number
}

/** Whatever can be called on a simulated clock. */
export interface Callable {
  readonly agenda: Agenda
  call(at: number, call: Call, onEnd?: () => void): void
}

const msPerSecond = 1000

/** Seconds as whole ms. */
export const toMs = (seconds: number): number => Math.round(seconds * msPerSecond)

/** Sets all calls of a workload. */
export function play(workload: Workload, simulation: Callable): void {
  for (const { at, runner, priority, work } of workload.arrivals) {
    simulation.call(toMs(at), { runner, priority, workMs: toMs(work) })
  }
  for (const { runner, priority, work, think, calls, start } of workload.agents) {
    const call = { runner, priority, workMs: toMs(work) }
    const again = (left: number) => () => {
      if (left > 0) simulation.call(simulation.agenda.now + toMs(think), call, again(left - 1))
    }
    simulation.call(toMs(start), call, again(calls - 1))
  }
}

/** Numbers in [0, 1) from a seed: mulberry32, 32 bits of state, the same sequence everywhere. */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A random time with this mean between the events of a Poisson process. */
export const exponential = (random: () => number, mean: number): number => -mean * Math.log(1 - random())

const everyLoad = (seconds: number) => () => seconds

/** 300 jobs of 1 s, there at once, on three runners in random order. */
export function backlog(): Workload {
  const random = seeded(1)
  const arrivals = Array.from({ length: 300 }, () => normal(0, 'abc'[Math.floor(3 * random())]!, 1))
  return { load: everyLoad(10), arrivals, agents: [] }
}

/** Two agents on a runner each: 2 s of work, 0.2 s until the next call, 200 calls. */
export function twoAgents(): Workload {
  const agent = { priority: 'interactive', work: 2, think: 0.2, calls: 200 } as const
  const agents = [
    { ...agent, runner: 'a', start: 0 },
    { ...agent, runner: 'b', start: 0.1 }
  ]
  return { load: everyLoad(10), arrivals: [], agents }
}

/** Three agents on a runner each: 3 s of work, 1 s until the next call, 150 calls. */
export function threeAgents(): Workload {
  const agent = { priority: 'normal', work: 3, think: 1, calls: 150 } as const
  const agents = ['a', 'b', 'c'].map((runner, index) => ({ ...agent, runner, start: 0.3 * index }))
  return { load: everyLoad(10), arrivals: [], agents }
}

/** 1 000 batch jobs of 2 s on one runner, and for half an hour a person on another, about every 30 s. */
export function personBesideBatch(): Workload {
  const random = seeded(2)
  const batch = { at: 0, runner: 'a', priority: 'batch', work: 2 } as const
  const arrivals: Arrival[] = Array.from({ length: 1000 }, () => batch)
  let at = 0
  while (at < 1800) {
    at += exponential(random, 30)
    arrivals.push({ at, runner: 'b', priority: 'interactive', work: 2 })
  }
  return { load: everyLoad(10), arrivals, agents: [] }
}

/** What {@link open} draws from: mean gap and end in seconds, parts of the classes (the rest is batch). */
export interface OpenTraffic {
  readonly seed: number
  readonly until: number
  readonly gap: number
  readonly runners: string
  readonly interactive: number
  readonly normal: number
  readonly load?: (runner: string) => number
}

/** Poisson arrivals over runners and classes, each with 0.5 to 3.5 s of work. */
export function open({ seed, until, gap, runners, load = everyLoad(10), ...part }: OpenTraffic): Workload {
  const random = seeded(seed)
  const arrivals: Arrival[] = []
  let at = 0
  while (at < until) {
    at += exponential(random, gap)
    const draw = random()
    const runner = runners[Math.floor(runners.length * random())]!
    const others = draw < part.interactive + part.normal ? 'normal' : 'batch'
    const priority = draw < part.interactive ? 'interactive' : others
    arrivals.push({ at, runner, priority, work: 0.5 + 3 * random() })
  }
  return { load, arrivals, agents: [] }
}

/** Four runners, eight tenths of what the worker can do. */
export const busy = (): Workload =>
  open({ seed: 3, until: 20_000, gap: 2.5, runners: 'abcd', interactive: 0.2, normal: 0.5 })

/** Three runners, three tenths more than the worker can do. */
export const overload = (): Workload =>
  open({ seed: 4, until: 10_000, gap: 1.54, runners: 'abc', interactive: 0.1, normal: 0.5 })

const unequalLoad = (runner: string) => (runner === 'a' ? 3 : runner === 'b' ? 10 : 60)

/** Like busy on three runners whose swaps take 3, 10 and 60 s. */
export const unequal = (seed = 11): Workload =>
  open({
    ...{ seed, until: 20_000, gap: 2.4, runners: 'abc', interactive: 0.2, normal: 0.5 },
    load: unequalLoad
  })

/** The same runners, two tenths more than the worker can do. */
export const unequalOverload = (): Workload =>
  open({
    ...{ seed: 11, until: 20_000, gap: 1.7, runners: 'abc', interactive: 0.1, normal: 0.5 },
    load: unequalLoad
  })

/** A dear runner (100 s) that is early in line, and a standing backlog of three cheap ones (1 s). */
export function dearBesideCheap(): Workload {
  const cheap = (index: number) => 'acd'[index % 3]!
  const times = (count: number, make: (index: number) => Arrival) =>
    Array.from({ length: count }, (_, i) => make(i))
  const arrivals = [
    normal(0, 'a', 5),
    ...times(60, i => normal(0.5 + 0.01 * i, 'b', 5)),
    ...times(3000, i => normal(1 + 5 * i, cheap(i), 5)),
    ...times(900, i => normal(1 + 0.001 * i, cheap(i), 5))
  ]
  return { load: runner => (runner === 'b' ? 100 : 1), arrivals, agents: [], until: 20_000 }
}

/** A steady flow that alone nearly fills the worker, and a visitor every 300 s. */
export function steadyFlow(): Workload {
  const random = seeded(9)
  const arrivals: Arrival[] = []
  let at = 0
  while (at < 6000) {
    at += exponential(random, 1.2)
    arrivals.push(normal(at, 'a', 1.1))
  }
  for (let visit = 0; visit < 20; visit++) arrivals.push(normal(300 * visit, 'b', 2))
  return { load: everyLoad(10), arrivals, agents: [] }
}

/** Two people on a model each, who think 20 s between answer and question: no order of service can mend this. */
export function twoPeople(): Workload {
  const person = { priority: 'interactive', work: 5, think: 20, calls: 60 } as const
  const agents = [
    { ...person, runner: 'a', start: 0 },
    { ...person, runner: 'b', start: 7 }
  ]
  return { load: everyLoad(10), arrivals: [], agents }
}

function normal(at: number, runner: string, work: number): Arrival {
  return { at, runner, priority: 'normal', work }
}

/** How long claims wait for their runner's turn, held against the bound of ADR 0009 one by one. */
import assert from 'node:assert/strict'
import type { Job } from '../../core/jobs/job.ts'

/** The longest that occur in a simulation, in ms: the bound on waiting is made of them. */
export interface Longest {
  /** Load, failed ones included. */
  readonly load: number
  /** Load as the schedule may expect it: of a runner that was never loaded it expects ten seconds. */
  readonly expected: number
  readonly work: number
}

/** The worker is given to a runner: to whom, when, and when the claim behind that was made. */
export interface Service {
  readonly runner: string
  readonly at: number
  readonly madeAt: number
}

/** A job that claims the worker for its runner, when that claim was made, and since when it waits. */
export interface Claim {
  readonly job: Job
  readonly madeAt: number
  readonly since: number
}

/** How long a claim waited, and how long it may have at most, in ms. */
export interface ClaimWait {
  readonly waited: number
  readonly bound: number
  /** How often runners with earlier claims were given the worker before. */
  readonly earlier: number
  /** In how many of its rounds a claim that was made later went first. */
  readonly overtaken: number
}

/** What a runner with an earlier claim may be served at most before a claim, with a load or without. */
const mostServices = 2

/** All services of a simulation, and the waits of the claims that they ended. */
export class ClaimWaits {
  /** In the order of their end. */
  readonly all: ClaimWait[] = []
  readonly #longest: Longest
  readonly #services: (Service & { readonly load: boolean })[] = []

  constructor(longest: Longest) {
    this.#longest = longest
  }

  /** The worker begins to swap. */
  served(service: Service): void {
    this.#services.push({ ...service, load: true })
  }

  /** The worker goes over to a loaded runner, whose `claim` has waited if there is one. */
  wentOver(service: Service, claim: Claim | undefined): void {
    this.#services.push({ ...service, load: false })
    if (claim === undefined) return
    const { load, work } = this.#longest
    const earlier = this.#earlier(claim)
    const loads = earlier.filter(one => one.load).length
    // What runs or is being loaded, and a job for each that goes before, some of them with a load.
    const bound = load + work + earlier.length * work + loads * load
    this.#wait({ waited: service.at - claim.since, bound, earlier: earlier.length, overtaken: 0 })
  }

  /** The swap that was begun last is over at `now`: it was for `claim`, of a class with this share. */
  ended(claim: Claim, share: number, now: number): void {
    const between = this.#between(claim).filter(service => service.load)
    const earlier = this.#earlier(claim)
    const loads = earlier.filter(service => service.load).length
    const overtaken = roundsOvertaken(between, claim)
    // Each that the worker only goes over to has a job before this one.
    const bound = this.#bound(loads + 1, overtaken, share) + (earlier.length - loads) * this.#longest.work
    this.#wait({ waited: now - claim.since, bound, earlier: earlier.length, overtaken })
  }

  #wait(wait: ClaimWait): void {
    this.all.push(wait)
    assert.ok(wait.waited <= wait.bound, `a claim waited ${wait.waited} ms, more than ${wait.bound} ms`)
  }

  /** What was served since the claim waits, itself not included. */
  #between({ since }: Claim) {
    return this.#services.slice(this.#firstServiceFrom(since), -1)
  }

  #earlier(claim: Claim) {
    const earlier = this.#between(claim).filter(service => service.madeAt <= claim.madeAt)
    for (const [runner, services] of Map.groupBy(earlier, service => service.runner)) {
      assert.ok(services.length <= mostServices, `${runner} ${services.length} times before ${claim.job.id}`)
    }
    return earlier
  }

  /** A load under way, then the rounds: a minimal turn, a job and a load, and more where one was overtaken. */
  #bound(rounds: number, overtaken: number, share: number): number {
    const { load, expected, work } = this.#longest
    const turn = Math.ceil((1 / share - 1) * expected)
    return load + rounds * (turn + work + load) + overtaken * (turn + load)
  }

  #firstServiceFrom(time: number): number {
    let first = this.#services.length
    while (first > 0 && this.#services[first - 1]!.at >= time) first -= 1
    return first
  }
}

/** A round ends with the service of an earlier claim: in how many of them did a later one go first. */
function roundsOvertaken(between: readonly Service[], claim: Claim): number {
  let overtaken = 0
  let inThisRound = false
  for (const { madeAt } of between) {
    const later = madeAt > claim.madeAt
    if (later && !inThisRound) overtaken += 1
    inThisRound = later
  }
  return overtaken
}

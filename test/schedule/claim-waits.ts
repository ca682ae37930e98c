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

/** One swap: for whom, when it began, and when the claim behind it was made. */
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
  /** How many swaps to runners with earlier claims it waited for. */
  readonly earlier: number
  /** In how many of its rounds a claim that was made later went first. */
  readonly overtaken: number
}

/** What a runner with an earlier claim may be served at most before a claim. */
const mostServices = 2

/** All services of a simulation, and the waits of the claims that they ended. */
export class ClaimWaits {
  /** In the order of their end. */
  readonly all: ClaimWait[] = []
  readonly #longest: Longest
  readonly #services: Service[] = []

  constructor(longest: Longest) {
    this.#longest = longest
  }

  /** The worker begins to swap. */
  served(service: Service): void {
    this.#services.push(service)
  }

  /** The swap that was begun last is over at `now`: it was for `claim`, of a class with this share. */
  ended(claim: Claim, share: number, now: number): void {
    const between = this.#services.slice(this.#firstServiceFrom(claim.since), -1)
    const earlier = between.filter(service => service.madeAt <= claim.madeAt)
    for (const [runner, services] of Map.groupBy(earlier, service => service.runner)) {
      assert.ok(services.length <= mostServices, `${runner} ${services.length} times before ${claim.job.id}`)
    }
    const overtaken = roundsOvertaken(between, claim)
    const bound = this.#bound(earlier.length + 1, overtaken, share)
    const waited = now - claim.since
    this.all.push({ waited, bound, earlier: earlier.length, overtaken })
    assert.ok(waited <= bound, `a claim waited ${waited} ms, more than ${bound} ms`)
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

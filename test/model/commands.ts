/** What can happen to jobs, for fast-check to order as it likes. */
import assert from 'node:assert/strict'
import type { Job } from '../../core/jobs/job.ts'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'
import type { FaultSpec } from '../fake-ollama/start.ts'
import fc from '../helpers/fast-check.ts'
import type { Model } from './model.ts'
import type { Session } from './session.ts'
import { isEnd } from './sightings.ts'

/** One of them. */
export type Command = fc.AsyncCommand<Model, Session>

/** How a run or a load goes. `again`: it is tried again while attempts are left. */
interface Course {
  readonly fault?: FaultSpec
  readonly comes: 'done' | 'again' | 'failed'
}

const runs: readonly Course[] = [
  { comes: 'done' },
  { comes: 'done' },
  { comes: 'done' },
  { fault: { kind: 'status', status: 500 }, comes: 'again' },
  { fault: { kind: 'status', status: 400 }, comes: 'failed' },
  { fault: { kind: 'error_line', after: 1 }, comes: 'again' },
  { fault: { kind: 'reset', after: 1 }, comes: 'again' },
  { fault: { kind: 'clean_end', after: 1 }, comes: 'failed' }
]
const loads: readonly Course[] = [
  { comes: 'done' },
  { comes: 'done' },
  { comes: 'done' },
  { fault: { kind: 'load_failure' }, comes: 'again' },
  { fault: { kind: 'status', status: 503 }, comes: 'again' }
]

const shortMs = 30
const waitingOrChosen = ['queued', 'loading', 'working'] as const
const chat = { messages: [{ role: 'user', content: 'hello' }], options: { num_predict: 2 } }

abstract class Step implements Command {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  check(_model: Readonly<Model>): boolean {
    return true
  }

  async run(model: Model, session: Session): Promise<void> {
    await this.play(model, session)
    await session.check(model)
  }

  abstract play(model: Model, session: Session): Promise<void>

  toString(): string {
    return this.#name
  }
}

class Submit extends Step {
  readonly #terms: object

  constructor(terms: { model: string; max_attempts: number; priority: string }) {
    super(`submit(${JSON.stringify(terms)})`)
    this.#terms = terms
  }

  async play(model: Model, session: Session): Promise<void> {
    const told = await session.world.ask<JobObject>('POST', '/jobs', { body: { ...chat, ...this.#terms } })
    if (told === undefined) return
    assert.equal(told.status, 202)
    session.see('submit', told.body)
    model.accepted(told.body, ...waitingOrChosen)
  }
}

/** A job with a limit that passes at once: on its start, or on its run. */
class SubmitShort extends Step {
  readonly #limit: 'start' | 'run'

  constructor(limit: 'start' | 'run') {
    super(`submitShort(${limit})`)
    this.#limit = limit
  }

  async play(model: Model, { world }: Session): Promise<void> {
    const limit = this.#limit === 'start' ? { startWithinMs: shortMs } : { runTimeoutMs: shortMs }
    const job = await world.submit({ ...limit, maxAttempts: 3 })
    model.accepted(job, ...waitingOrChosen, this.#limit === 'start' ? 'expired' : 'failed')
  }
}

/** Lets what the target holds go on: a load where one is held, else a run. */
class Release extends Step {
  readonly #nth: number

  constructor(nth: number) {
    super(`release(${nth})`)
    this.#nth = nth
  }

  async play(model: Model, session: Session): Promise<void> {
    const { held } = session.world.gate
    if (held === undefined) return
    const course = courseOf(held.kind, this.#nth)
    const job = session.running()
    session.world.gate.release(course.fault)
    // There is none where the job that the load was for was canceled.
    if (job !== undefined) expectCourse(model, job, held.kind, course.comes)
  }
}

/** The same, with a cancel on its way at the same time: whichever comes first. */
class CancelInRace extends Step {
  readonly #nth: number

  constructor(nth: number) {
    super(`cancelInRace(${nth})`)
    this.#nth = nth
  }

  async play(model: Model, session: Session): Promise<void> {
    const { held } = session.world.gate
    const job = session.running()
    if (held === undefined || job === undefined) return
    const { fault, comes } = courseOf(held.kind, this.#nth)
    expectCourse(model, job, held.kind, comes)
    const asked = session.world.ask<JobObject>('POST', `/jobs/${job.id}/cancel`)
    session.world.gate.release(fault)
    const told = await asked
    if (told === undefined) return
    session.see('cancel', told.body)
    assert.notEqual(told.body.state, 'queued')
    // Acknowledged, so it holds: it is not done any more. Else it had ended, as the course says.
    if (told.body.state === 'canceling' || told.body.state === 'canceled') model.expect(job.id, 'canceled')
    else model.expect(job.id, told.body.state)
  }
}

class Cancel extends Step {
  readonly #nth: number

  constructor(nth: number) {
    super(`cancel(${nth})`)
    this.#nth = nth
  }

  async play(model: Model, session: Session): Promise<void> {
    const id = nthOf(model, this.#nth)
    if (id === undefined) return
    const before = session.job(id)
    const told = await session.world.ask<JobObject>('POST', `/jobs/${id}/cancel`)
    if (told === undefined) return
    session.see('cancel', told.body)
    if (isEnd(before.state)) assert.deepEqual([told.status, told.body.version], [200, before.version])
    else model.expect(id, 'canceled')
  }
}

class Remove extends Step {
  readonly #nth: number

  constructor(nth: number) {
    super(`remove(${nth})`)
    this.#nth = nth
  }

  async play(model: Model, { world }: Session): Promise<void> {
    const id = nthOf(model, this.#nth)
    if (id === undefined) return
    const hasEnded = isEnd(world.app.jobs.get(id)!.state)
    if (hasEnded) model.mayBeRemoved(id)
    const told = await world.ask('DELETE', `/jobs/${id}`)
    if (told === undefined) return
    assert.equal(told.status, hasEnded ? 204 : 409)
    if (told.status === 409) return
    model.removed(id)
    assert.equal((await world.ask('GET', `/jobs/${id}`))?.status ?? 410, 410)
  }
}

class Retry extends Step {
  readonly #nth: number

  constructor(nth: number) {
    super(`retry(${nth})`)
    this.#nth = nth
  }

  async play(model: Model, { world }: Session): Promise<void> {
    const id = nthOf(model, this.#nth)
    if (id === undefined) return
    const { state } = world.app.jobs.get(id)!
    const told = await world.ask<JobObject>('POST', `/jobs/${id}/retry`)
    if (told === undefined) return
    assert.equal(told.status, isEnd(state) && state !== 'done' ? 202 : 409)
    if (told.status === 202) model.accepted(told.body, ...waitingOrChosen, 'expired', 'failed')
  }
}

class Pause extends Step {
  async play(model: Model, { world }: Session): Promise<void> {
    const told = await world.ask('POST', model.paused ? '/queue/resume' : '/queue/pause')
    if (told !== undefined) model.paused = !model.paused
  }
}

class Restart extends Step {
  async play(model: Model, session: Session): Promise<void> {
    for (const job of session.world.jobs()) model.expectRecovered(job)
    await session.world.restart()
  }
}

/** The `count`-th event to come is the last that foreman lives to see; none to come, and it dies now. */
class Crash extends Step {
  readonly #count: number
  readonly #next: Step

  constructor(count: number, next: Step) {
    super(`crash(${count}, ${next})`)
    this.#count = count
    this.#next = next
  }

  async play(model: Model, session: Session): Promise<void> {
    session.world.crashAfter(this.#count)
    await this.#next.play(model, session)
    await session.world.settle()
    await session.recover(model)
  }
}

function courseOf(kind: 'load' | 'run', nth: number): Course {
  const courses = kind === 'load' ? loads : runs
  return courses[nth % courses.length]!
}

function expectCourse(model: Model, job: Job, kind: 'load' | 'run', comes: Course['comes']): void {
  if (comes === 'again') model.expectRetry(job)
  else if (comes === 'failed') model.expect(job.id, 'failed')
  // A short time to run passes at the gate.
  else if (kind === 'load') model.expect(job.id, job.runTimeoutMs === shortMs ? 'failed' : 'working')
  else model.expect(job.id, 'done')
}

function nthOf({ ids }: Model, nth: number): string | undefined {
  return ids[nth % ids.length]
}

const nth = fc.nat({ max: 1000 })
const terms = fc.record({
  model: fc.constantFrom('alpha', 'beta'),
  max_attempts: fc.integer({ min: 1, max: 3 }),
  priority: fc.constantFrom('interactive', 'normal', 'batch')
})

const plain: fc.Arbitrary<Step>[] = [
  terms.map(some => new Submit(some)),
  terms.map(some => new Submit(some)),
  nth.map(n => new Release(n)),
  nth.map(n => new Release(n)),
  nth.map(n => new Release(n)),
  nth.map(n => new Cancel(n)),
  nth.map(n => new CancelInRace(n)),
  nth.map(n => new Remove(n)),
  nth.map(n => new Retry(n)),
  fc.constantFrom('start', 'run').map(limit => new SubmitShort(limit as 'start' | 'run')),
  fc.constant(new Pause('pauseOrResume'))
]

/** All of them, as often as they come beside the others. */
export const anyCommand: fc.Arbitrary<Command>[] = [
  ...plain,
  fc.constant(new Restart('restart')),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.oneof(...plain)).map(([count, next]) => new Crash(count, next))
]

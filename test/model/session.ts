/** One run of the model test: the real foreman, the model beside it, and what all views have shown. */
import assert from 'node:assert/strict'
import type { Job } from '../../core/jobs/job.ts'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'
import { Followers } from './follower.ts'
import type { Gate } from './gate.ts'
import type { Model } from './model.ts'
import { Sightings } from './sightings.ts'
import { World } from './world.ts'

interface Page<T> {
  readonly data: T[]
  readonly has_more: boolean
}

interface EventObject {
  readonly seq: number
  readonly type: string
}

/** What commands act on. */
export class Session {
  readonly world: World
  readonly #sightings = new Sightings()
  readonly #followers: Followers
  /** The version of each job that was looked at last. */
  readonly #checked = new Map<string, number>()

  private constructor(world: World) {
    this.world = world
    this.#followers = new Followers(world, this.#sightings)
  }

  /** Begins one before `gate`. */
  static async begin(gate: Gate): Promise<Session> {
    return new Session(await World.begin(gate))
  }

  /** The job that the target is busy with, or is to be. */
  running(): Job | undefined {
    return this.world.jobs().find(({ state }) => state === 'loading' || state === 'working')
  }

  /** A job as the store has it. */
  job(id: string): Job {
    return this.world.app.jobs.get(id)!
  }

  /** Somebody begins to follow the job. */
  follow(id: string): void {
    this.#followers.follow(id)
  }

  /** Notes a job that an answer has shown. */
  see(view: string, job: JobObject): void {
    this.#sightings.see(view, job)
  }

  /**
   * Lets all come to rest, and holds every view against the model and against the others.
   * @throws {AssertionError} where they disagree
   */
  async check(model: Model): Promise<void> {
    await this.world.settle()
    const jobs = this.world.jobs()
    model.check(jobs)
    const shown = await this.#list()
    assert.deepEqual(
      shown.map(({ id, version }) => [id, version]),
      jobs.map(({ id, version }) => [id, version]).reverse()
    )
    for (const job of shown) this.see('list', job)
    for (const { id } of jobs.filter(({ id, version }) => this.#checked.get(id) !== version))
      await this.#look(id)
  }

  /** Starts again from what the disk had; of what foreman was asked last it may have done some. */
  async recover(model: Model): Promise<void> {
    const left = await this.world.recover()
    for (const job of left) model.expectRecovered(job)
    model.paused = this.world.app.queue.paused
  }

  /** Closes all. @throws what a follower saw amiss */
  async end(): Promise<void> {
    this.#followers.leave()
    await this.world.end()
    await this.#followers.done()
  }

  async #list(): Promise<JobObject[]> {
    const { body } = (await this.world.ask<Page<JobObject>>('GET', '/jobs?limit=100'))!
    assert.equal(body.has_more, false)
    return body.data
  }

  async #look(id: string): Promise<void> {
    const { body: job } = (await this.world.ask<JobObject>('GET', `/jobs/${id}`))!
    this.see('job', job)
    this.#checked.set(id, job.version)
    this.follow(id)
    if (this.world.app.hasRoute({ method: 'GET', url: '/jobs/:id/events' })) await this.#readEvents(job)
  }

  /** The story has no gap and ends where the job is. */
  async #readEvents({ id, seq, state }: JobObject): Promise<void> {
    const { body } = (await this.world.ask<Page<EventObject>>('GET', `/jobs/${id}/events`))!
    assert.deepEqual(
      body.data.map(event => event.seq),
      Array.from({ length: seq }, (_, index) => index + 1),
      id
    )
    const last = body.data.findLast(({ type }) => stateTypes.has(type))!
    assert.equal(last.type === 'job.retrying' ? 'queued' : last.type.slice('job.'.length), state, id)
  }
}

const stateTypes = new Set(
  ['queued', 'loading', 'working', 'retrying', 'canceling', 'done', 'failed', 'canceled', 'expired'].map(
    state => `job.${state}`
  )
)

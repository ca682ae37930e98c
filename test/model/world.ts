/** A foreman in this process before a gate, that can be stopped in good order or as if it had been killed. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { cpSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import { Agent, fetch, type Headers } from 'undici'
import type { Job } from '../../core/jobs/job.ts'
import { type JobRow, jobColumns, toJob } from '../../core/jobs/rows.ts'
import { startForeman, temporaryDir } from '../helpers/foreman.ts'
import { reading } from '../strength/support/invariants.ts'
import { ready, submit, type Wish } from '../strength/support/jobs.ts'
import { withShortPauses } from '../strength/support/rig.ts'
import type { Gate } from './gate.ts'

/** An answer that came in the life of the foreman that was asked. */
export interface Told<T = unknown> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

const settleWithinMs = 10_000
/** What lies nearer than this is waited for; what a test puts farther away never comes. */
const soonMs = 3000

const settings = withShortPauses({
  limits: { shutdown_s: 0 },
  retry: { backoff_s: 0.005 },
  queue: { linger: 0 }
})

/** One data directory, through restarts and crashes. */
export class World {
  readonly gate: Gate
  #app!: FastifyInstance
  #url = ''
  // Of this life alone: the system may give a port again to which an older connection is open still.
  #agent = new Agent()
  #dir: string
  /** One more with each end and each start. */
  #life = 0
  #copy: string | undefined
  readonly #news = new EventEmitter<{ news: [] }>()
  readonly #onChange = () => void this.#news.emit('news')
  readonly #after: (() => unknown)[] = []

  private constructor(gate: Gate) {
    this.gate = gate
    this.#dir = temporaryDir(this.#scope)
    gate.on('change', this.#onChange)
  }

  /** Starts one; {@link end} it. */
  static async begin(gate: Gate): Promise<World> {
    const world = new World(gate)
    await world.#start()
    return world
  }

  /** The foreman that lives now. */
  get app(): FastifyInstance {
    return this.#app
  }

  /** Every job of the store, in order of arrival. */
  jobs(): Job[] {
    return allJobs(this.#app.db)
  }

  /** @returns undefined where this life ended before the answer was there */
  async ask<T>(method: string, path: string, init: { body?: object; headers?: Record<string, string> } = {}) {
    const life = this.#life
    const { body, headers = {} } = init
    try {
      const answer = await fetch(this.#url + path, {
        method,
        dispatcher: this.#agent,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) })
      })
      const text = await answer.text()
      if (life !== this.#life || this.#copy !== undefined) return undefined
      const told: Told<T> = {
        status: answer.status,
        headers: answer.headers,
        body: text === '' ? undefined : JSON.parse(text)
      }
      return told
    } catch (err) {
      if (life === this.#life && this.#copy === undefined) throw err
      return undefined
    }
  }

  /** Waits until nothing moves but by the gate, or by a crash that was ordered. */
  async settle(): Promise<void> {
    const late = AbortSignal.timeout(settleWithinMs)
    while (this.#copy === undefined && !this.#isSettled()) {
      await once(this.#news, 'news', { signal: late }).catch(() =>
        assert.fail(`it does not settle: ${this.#picture()}`)
      )
    }
  }

  /** Stops foreman in good order and starts it again. */
  async restart(): Promise<void> {
    this.#life += 1
    await this.#app.close()
    await this.#start()
  }

  /** From here on it is as if foreman were killed right after its `count`-th event to come. */
  crashAfter(count: number): void {
    let left = count
    this.#app.jobEvents.on('event', () => {
      if (--left === 0) this.#takeCopy()
    })
  }

  /**
   * Starts again from what the disk had at the crash; where none has happened yet, it happens now.
   * @returns the jobs as the crash left them
   */
  async recover(): Promise<Job[]> {
    this.#takeCopy()
    await this.#app.close()
    this.#life += 1
    this.#dir = this.#copy!
    this.#copy = undefined
    const left = reading(this.#dir, allJobs)
    await this.#start()
    return left
  }

  /** Hands in a job past the routes, with limits that they do not allow. */
  async submit(wish: Wish): Promise<Job> {
    const [job] = submit(this.#app, wish)
    return job!
  }

  /** Closes all. */
  async end(): Promise<void> {
    this.#life += 1
    this.gate.off('change', this.#onChange)
    this.gate.drop()
    for (const close of this.#after) await close()
    await this.#agent.destroy()
  }

  get #scope() {
    return { after: (close: () => unknown) => void this.#after.unshift(close) }
  }

  async #start(): Promise<void> {
    this.gate.drop()
    const { app, url } = await startForeman(this.#scope, {
      target: this.gate.url,
      dataDir: this.#dir,
      settings
    })
    app.jobEvents.on('event', this.#onChange)
    this.#app = app
    this.#url = url
    // What was asked between two foremen has no answer either.
    this.#life += 1
    const last = this.#agent
    this.#agent = new Agent()
    await last.destroy()
    await ready(app)
  }

  // The files of a killed process are those of this instant: nobody else writes while this thread copies, and what
  // a checkpoint has begun to move is in the log still.
  #takeCopy(): void {
    if (this.#copy !== undefined) return
    const copy = temporaryDir(this.#scope)
    cpSync(this.#dir, copy, { recursive: true, filter: file => !file.endsWith('-shm') })
    this.#copy = copy
    this.#news.emit('news')
  }

  #isSettled(): boolean {
    const { held } = this.gate
    const jobs = this.jobs()
    const running = jobs.filter(({ state }) => ['loading', 'working', 'canceling'].includes(state))
    if (jobs.some(passesSoon)) return false
    if (held !== undefined) return held.kind === 'load' || running[0]?.state === 'working'
    return running.length === 0 && (this.#app.queue.paused || !jobs.some(startsSoon))
  }

  #picture(): string {
    const jobs = this.jobs().map(({ id, state, attempt, availableAt }) => [
      id,
      state,
      attempt,
      availableAt - Date.now()
    ])
    return JSON.stringify({ held: this.gate.held?.kind, paused: this.#app.queue.paused, jobs })
  }
}

function allJobs(db: Database): Job[] {
  return (db.prepare(`SELECT ${jobColumns} FROM job ORDER BY seq`).all() as JobRow[]).map(toJob)
}

/** Its time to start, or to run, is about to be over. */
function passesSoon({ state, startBy, runTimeoutMs }: Job): boolean {
  if (state === 'queued') return startBy !== null && startBy < Date.now() + soonMs
  return state === 'working' && runTimeoutMs < soonMs
}

function startsSoon({ state, availableAt }: Job): boolean {
  return state === 'queued' && availableAt < Date.now() + soonMs
}

/** What a run of chaos acts on: one fake, one foreman at a time on one directory, and what was promised to whom. */
import assert from 'node:assert/strict'
import type { JobState } from '../../core/jobs/states.ts'
import type { FakeOllama } from '../fake-ollama/start.ts'
import { type ForemanProcess, type Scope, temporaryDir } from '../helpers/foreman.ts'
import { startProcess } from '../strength/support/process.ts'
import { assertOneAtATime, type CallEnd, startFake } from '../strength/support/rig.ts'

/** The names of the models that jobs use. */
export const models = ['alpha', 'beta', 'gamma'] as const

const loadMs = 10
const tokenMs = 1

/** How often each thing happened. */
export interface Tally {
  accepted: number
  calls: number
  answered: number
  broken: number
  cancels: number
  foremanKills: number
  foremanStops: number
  targetKills: number
  faults: number
}

/** The state of a run. Steps change it, the check reads it. */
export class World {
  readonly dataDir: string
  readonly fake: FakeOllama
  readonly tally: Tally = {
    accepted: 0,
    calls: 0,
    answered: 0,
    broken: 0,
    cancels: 0,
    foremanKills: 0,
    foremanStops: 0,
    targetKills: 0,
    faults: 0
  }
  /** Ids of the durable jobs that were acknowledged in this round. */
  accepted: string[] = []
  /** Those of them whose cancel was acknowledged. */
  canceled = new Set<string>()
  /** Attached calls of this round. */
  calls: Promise<CallEnd>[] = []
  readonly #scope: Scope
  #foreman: ForemanProcess
  #targetIsUp = true

  private constructor(scope: Scope, dataDir: string, fake: FakeOllama, foreman: ForemanProcess) {
    this.#scope = scope
    this.dataDir = dataDir
    this.fake = fake
    this.#foreman = foreman
  }

  /** Starts both; they are gone when `scope` ends. */
  static async start(scope: Scope): Promise<World> {
    const fake = await startFake(scope, { load_delay_ms: loadMs, token_delay_ms: tokenMs })
    const dataDir = temporaryDir(scope)
    const foreman = await startProcess(scope, { target: fake.url, dataDir })
    return new World(scope, dataDir, fake, foreman)
  }

  /** Where foreman listens now. */
  get url(): string {
    return this.#foreman.url
  }

  /** Kills foreman at this very instant, or stops it in good order, and starts another on the same directory. */
  async replaceForeman(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.endForeman(signal)
    this.#foreman = await startProcess(this.#scope, { target: this.fake.url, dataDir: this.dataDir })
    this.tally[signal === 'SIGKILL' ? 'foremanKills' : 'foremanStops'] += 1
  }

  /** Ends foreman. @throws {AssertionError} when it had ended by itself, or met a fault of its own */
  async endForeman(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const exit = await this.#foreman.kill(signal)
    const due = signal === 'SIGKILL' ? { code: null, signal } : { code: 0, signal: null }
    assert.deepEqual(exit, { ...due, stderr: '' })
    const faults = this.#foreman.logs.filter(({ msg }) => msg !== undefined && ownFaults.includes(msg))
    assert.deepEqual(faults, [])
  }

  /** Kills the target, or brings it back. */
  async switchTarget(): Promise<void> {
    if (this.#targetIsUp) {
      await this.assertOneAtATime()
      await this.fake.kill()
      this.tally.targetKills += 1
    } else await this.fake.restart()
    this.#targetIsUp = !this.#targetIsUp
  }

  /** Brings the target back and ends its faults. */
  async calm(): Promise<void> {
    if (!this.#targetIsUp) await this.switchTarget()
    await this.fake.configure({ faults: [] })
  }

  /** Whether the target can be told to do something. */
  get targetIsUp(): boolean {
    return this.#targetIsUp
  }

  /** @throws {AssertionError} when the target ever computed two things at once in its present life */
  async assertOneAtATime(): Promise<void> {
    await assertOneAtATime(this.fake)
  }
}

/** Lines of the log that no chaos outside may cause. */
export const ownFaults: readonly string[] = [
  'a run failed unexpectedly',
  'the lane met a fault of its own',
  'a job whose client has left could not be canceled'
]

/** States in which a job may be when all is over. */
export const endedStates: readonly JobState[] = ['done', 'failed', 'canceled', 'expired']

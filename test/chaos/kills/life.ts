/** The life of one data directory: foreman is killed on it again and again while callers hold on to it. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasEnded } from '../../../core/jobs/states.ts'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'
import type { FakeOllama } from '../../fake-ollama/start.ts'
import {
  type ForemanProcess,
  launchForeman,
  type Scope,
  spawnForeman,
  temporaryDir
} from '../../helpers/foreman.ts'
import { assertOneAtATime, startFake, withShortPauses } from '../../strength/support/rig.ts'
import type { Random } from '../random.ts'
import { ownFaults } from '../world.ts'
import { Caller } from './caller.ts'
import { assertKept, Census, type Hit, jobsIn } from './census.ts'
import { Ledger } from './ledger.ts'
import { type Instant, instants, shootAt } from './sniper.ts'

/** How a kill was meant: at an instant of the store, at any time, or before the start was over. */
export type Aim = Instant | 'any time' | 'the start'

/** One kill and what it met. */
export interface Kill {
  readonly aim: Aim
  readonly hits: ReadonlySet<Hit>
}

const callerCount = 6
const longestLifeMs = 300
const longestStartMs = 1000
const aimPatienceMs = 2000
const waitS = 30

const aims: readonly { weight: number; aim: Aim }[] = [
  { weight: 10, aim: 'any time' },
  { weight: 2, aim: 'the start' },
  ...(Object.keys(instants) as Instant[]).map(aim => ({ weight: aim === 'canceling' ? 4 : 2, aim }))
]

const bigModels = [
  { name: 'inline', fault: { kind: 'big_line', size_bytes: 100_000 } },
  { name: 'large', fault: { kind: 'big_line', size_bytes: 400_000 } }
] as const

/** Everything that survives a kill. */
export class Life {
  readonly dataDir: string
  readonly fake: FakeOllama
  readonly ledger = new Ledger()
  readonly #scope: Scope
  readonly #census: Census
  #foreman: Promise<ForemanProcess | undefined>

  private constructor(scope: Scope, fake: FakeOllama, dataDir: string) {
    this.#scope = scope
    this.fake = fake
    this.dataDir = dataDir
    this.#census = new Census(dataDir, this.ledger)
    this.#foreman = this.#start()
  }

  /** Starts the fake and the first foreman; they are gone when `scope` ends. */
  static async begin(scope: Scope): Promise<Life> {
    const models = ['alpha', 'beta', ...bigModels].map(one => ({
      size_bytes: 1e9,
      ...(typeof one === 'string' ? { name: one } : one)
    }))
    return new Life(scope, await startFake(scope, { models }), temporaryDir(scope))
  }

  /**
   * Kills foreman `count` times under its callers, and after each kill holds the store against what they were told.
   * Then lets everything end. `told` hears of each kill.
   * @throws {AssertionError} where a promise was not kept
   */
  async play(count: number, random: Random, told: (kill: Kill) => void): Promise<void> {
    const callers = Array.from({ length: callerCount }, (_, index) => this.#caller(`caller-${index}`, random))
    // A broken promise ends the run at once, not after the last kill.
    const broken = Promise.all(callers.map(caller => caller.call()))
    try {
      for (let kill = 0; kill < count; kill++) {
        // Each way once, then by chance.
        const { aim } = aims[kill] ?? random.weighted(aims)
        await Promise.race([this.#killOnce(aim, random, told), broken])
      }
    } finally {
      for (const caller of callers) caller.leave()
    }
    await broken
    await this.#end()
  }

  /** Where foreman listens, once it does. */
  async current(): Promise<string | undefined> {
    return (await this.#foreman)?.url
  }

  #caller(name: string, random: Random): Caller {
    return new Caller({ address: this, ledger: this.ledger, random, name })
  }

  async #killOnce(aim: Aim, random: Random, told: (kill: Kill) => void): Promise<void> {
    const foreman = (await this.#foreman)!
    await this.fake.configure(pace(random))
    if (aim === 'any time' || aim === 'the start') {
      await sleep(random.between(0, longestLifeMs))
      await foreman.kill()
    } else await shootAt(this.dataDir, foreman.pid, aim, aimPatienceMs)
    assertClean(await foreman.exited, foreman)
    this.#foreman = this.#inspected(aim, random, told)
    await this.#foreman
  }

  // Callers wait for this too: they come back when the next foreman listens.
  async #inspected(aim: Aim, random: Random, told: (kill: Kill) => void) {
    told({ aim, hits: this.#census.take() })
    assertKept(this.dataDir, this.ledger)
    if (aim === 'the start') {
      await this.#killStart(random)
      assertKept(this.dataDir, this.ledger)
    }
    return this.#start()
  }

  async #killStart(random: Random): Promise<void> {
    const starting = launchForeman(this.#scope, this.#options)
    starting.listening.catch(() => {})
    await sleep(random.between(0, longestStartMs))
    assertClean(await starting.kill(), starting)
  }

  #start(): Promise<ForemanProcess> {
    return spawnForeman(this.#scope, this.#options)
  }

  get #options() {
    return { target: this.fake.url, dataDir: this.dataDir, settings: withShortPauses() }
  }

  async #end(): Promise<void> {
    await this.fake.configure({ load_delay_ms: 0, token_delay_ms: 0, prompt_delay_ms: 0 })
    const foreman = (await this.#foreman)!
    for (const id of jobsIn(this.dataDir)) await this.#assertEnds(foreman.url, id)
    await assertOneAtATime(this.fake)
    assert.equal((await foreman.kill('SIGTERM')).code, 0)
    assertKept(this.dataDir, this.ledger)
  }

  async #assertEnds(url: string, id: string): Promise<void> {
    const answer = await fetch(`${url}/jobs/${id}`, { headers: { prefer: `wait=${waitS}` } })
    const text = await answer.text()
    assert.equal(answer.status, 200, text)
    const job = JSON.parse(text) as JobObject
    this.ledger.see(id, job.state, text, 'http')
    assert.ok(hasEnded(job.state), `${id} is still ${job.state}`)
    if (job.state === 'failed') assertUsedUp(job)
  }
}

function pace(random: Random) {
  return {
    load_delay_ms: random.pick([0, 20, 100]),
    prompt_delay_ms: random.pick([0, 10]),
    token_delay_ms: random.pick([0, 1, 10])
  }
}

/** Only kills stood in its way, so it has all its attempts behind it. */
function assertUsedUp({ id, error, attempt, max_attempts }: JobObject): void {
  assert.deepEqual([error?.code, attempt], ['interrupted', max_attempts], id)
}

function assertClean(exit: Awaited<ForemanProcess['exited']>, { logs }: Pick<ForemanProcess, 'logs'>): void {
  assert.deepEqual(exit, { code: null, signal: 'SIGKILL', stderr: '' })
  assert.deepEqual(
    logs.filter(({ msg }) => msg !== undefined && ownFaults.includes(msg)),
    []
  )
}

/** Foreman, its target and the receivers of its webhooks, where foreman dies again and again. */
import assert from 'node:assert/strict'
import type { FakeOllama } from '../../fake-ollama/start.ts'
import { type ForemanProcess, type Scope, spawnForeman, temporaryDir } from '../../helpers/foreman.ts'
import { type ReceiverFarm, startFarm } from '../../receiver-farm/start.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { ownFaults } from '../world.ts'

/** For the webhooks: no wait of a failed delivery is so long that others of its job would overtake it. */
const waits = { retry_schedule_s: Array.from({ length: 20 }, () => 1), circuit_probe_s: 1 }
/** A kill within this time of a call leaves the call without an answer. */
const slowMs = 30

/** Everything that a run acts on. */
export class Stage {
  readonly dataDir: string
  readonly farm: ReceiverFarm
  readonly #scope: Scope
  readonly #fake: FakeOllama
  #foreman: Promise<ForemanProcess>

  private constructor(scope: Scope, fake: FakeOllama, farm: ReceiverFarm) {
    this.#scope = scope
    this.#fake = fake
    this.farm = farm
    this.dataDir = temporaryDir(scope)
    this.#foreman = this.#start()
  }

  /** Starts all; they are gone when `scope` ends. */
  static async start(scope: Scope): Promise<Stage> {
    const fake = await startFake(scope, { token_delay_ms: 1, request_log_limit: 10, event_log_limit: 10 })
    const flaky = { flaky_failures: 1, flaky_one_in: 4 }
    return new Stage(scope, fake, await startFarm(scope, { slow_ms: slowMs, ...flaky }))
  }

  /** Where foreman listens, once it does. */
  async url(): Promise<string> {
    return (await this.#foreman).url
  }

  /** Kills foreman at this very instant and starts another on the same data. */
  async kill(): Promise<void> {
    const dying = await this.#foreman
    // Taken at once: who lost their connection must not find the dead one's address.
    const killed = dying.kill('SIGKILL')
    this.#foreman = killed.then(() => this.#start())
    assert.deepEqual(await killed, { code: null, signal: 'SIGKILL', stderr: '' })
    assertNoFaults(dying)
    await this.#foreman
  }

  /** Ends the last one in good order. */
  async stop(): Promise<void> {
    const last = await this.#foreman
    assert.deepEqual(await last.kill('SIGTERM'), { code: 0, signal: null, stderr: '' })
    assertNoFaults(last)
  }

  #start(): Promise<ForemanProcess> {
    const plugins = { webhooks: { allow: this.farm.allow, ...waits } }
    const settings = withShortPauses({ plugins })
    return spawnForeman(this.#scope, { target: this.#fake.url, dataDir: this.dataDir, settings })
  }
}

function assertNoFaults({ logs }: ForemanProcess): void {
  const faults = logs.filter(({ level, msg }) => Number(level) >= 50 || ownFaults.includes(msg ?? ''))
  assert.deepEqual(faults, [])
}

/**
 * A target that goes away and comes back again and again while jobs are handed in and run: its process is killed, or
 * the cable is pulled, in a load, in a run, with nothing to do, or at any moment. Then it is checked what that cost.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { priorities } from '../../../core/jobs/priority.ts'
import { Random } from '../../chaos/random.ts'
import type { FakeOllama } from '../../fake-ollama/start.ts'
import { type Scope, startForeman, temporaryDir } from '../../helpers/foreman.ts'
import { type Cost, costOf, type Flap } from './flap-costs.ts'
import { type Gate, startGate } from './gate.ts'
import { ready, resultOf, submit, type Wish } from './jobs.ts'
import { startFake, withShortPauses } from './rig.ts'
import { WatchedOrder } from './watched-order.ts'

/** How much of it. */
export interface FlapOptions {
  readonly flaps: number
  readonly jobs: number
  readonly seed: number
}

/** What came of it. */
export interface FlapFigures extends Cost {
  readonly seed: number
  readonly jobs: number
  readonly flaps: number
  readonly kills: number
  /** Moments by name, as often as the target left in one. */
  readonly moments: Readonly<Record<string, number>>
  readonly longestClaimMs: number
  readonly boundMs: number
}

const names = ['alpha', 'beta', 'gamma']
const loadMs = 120
const tokenMs = 8
const mostTokens = 12
const share = 0.5
const longestAwayMs = 500
const moments = ['load', 'run', 'idle', 'any'] as const
/** Of the flaps, those that may meet a request or an answer on its way: a matter of ms, and of the machine. */
const mostOnTheWay = 0.5
/** An answer that ran while other work kept this machine from it takes longer than its tokens. */
const machineSlackMs = 2000

/** Plays it. @throws {AssertionError} where a job was lost, charged for nothing, or kept waiting */
export async function playFlaps(t: Scope, options: FlapOptions): Promise<FlapFigures> {
  const file = join(temporaryDir(t), 'events')
  const models = names.map(name => ({ name, word: name, size_bytes: 1e9 }))
  const fake = await startFake(t, {
    models,
    load_delay_ms: loadMs,
    token_delay_ms: tokenMs,
    event_file: file
  })
  const gate = await startGate(t, fake.url)
  const { app } = await startForeman(t, { target: gate.url, settings: settings() })
  await ready(app)
  const play = new Flapping(app, fake, gate, options)
  await play.warmUp()
  for (let flap = 0; flap < options.flaps; flap++) {
    play.handIn(Math.round(((flap + 1) * options.jobs) / options.flaps) - play.jobs.size)
    await play.flap()
  }
  await play.idle()
  assert.deepEqual(play.order.faults, [])
  play.assertAnswered()
  const returns = play.order.returns.map(one => ({ ...one, tag: play.jobs.get(one.id)! }))
  const doneAt = new Map([...play.jobs].map(([id, tag]) => [tag, app.jobs.get(id)!.finishedAt!]))
  const cost = costOf(file, play.flaps, returns, doneAt)
  for (const [id, tag] of play.jobs) {
    assert.equal(app.jobs.get(id)!.attempt, 1 + (cost.charges.get(tag) ?? 0), `attempts of ${tag}`)
  }
  const { unseen, answeredInVain, unnoted } = cost.figures
  assert.ok(
    unseen + answeredInVain + unnoted <= Math.ceil(options.flaps * mostOnTheWay),
    JSON.stringify(cost.figures)
  )
  return { ...cost.figures, ...options, ...play.figures() }
}

function settings() {
  const each = { interactive: share, normal: share, batch: share }
  const patience = { interactive: 0.5, normal: 2, batch: 5 }
  return withShortPauses({ log_level: 'fatal', queue: { load_share: each, patience_s: patience } })
}

class Flapping {
  readonly order: WatchedOrder
  /** Ids with the tag by which the fake's record knows them. */
  readonly jobs = new Map<string, string>()
  readonly flaps: Flap[] = []
  readonly #app: FastifyInstance
  readonly #fake: FakeOllama
  readonly #gate: Gate
  readonly #random: Random
  readonly #wishes = new Map<string, { model: string; tokens: number }>()
  readonly #moments: Record<string, number> = {}
  readonly #most: number

  constructor(app: FastifyInstance, fake: FakeOllama, gate: Gate, { seed, jobs }: FlapOptions) {
    this.#app = app
    this.#fake = fake
    this.#gate = gate
    this.#random = new Random(seed)
    this.#most = jobs
    this.order = new WatchedOrder(app)
  }

  /** Loads each model once, so that the schedule knows what loads take. */
  async warmUp(): Promise<void> {
    submit(this.#app, ...names.map(model => ({ model })))
    await this.idle()
  }

  /** Hands in so many jobs. */
  handIn(count: number): void {
    const wishes = Array.from({ length: count }, () => this.#wish())
    for (const [index, { id }] of submit(this.#app, ...wishes).entries())
      this.jobs.set(id, tagOf(wishes[index]!))
  }

  /** Waits for a moment of some kind; there the target goes away, and it comes back. */
  async flap(): Promise<void> {
    const moment = this.#random.pick(moments)
    await this.#until(moment)
    this.#moments[moment] = (this.#moments[moment] ?? 0) + 1
    const flap = { goneAt: Date.now(), downAt: 0, upAt: 0, killed: this.#random.next() < 0.5 }
    this.flaps.push(flap)
    this.#gate.shut()
    if (flap.killed) await this.#fake.kill()
    this.#gate.cut()
    flap.downAt = Date.now()
    // Perhaps before foreman knows: then the job meets a refused connection.
    if (this.#random.next() < 0.5 && this.jobs.size < this.#most) this.handIn(1)
    await sleep(this.#random.between(0, longestAwayMs))
    if (flap.killed) await this.#fake.restart()
    await this.#gate.open()
    await this.#up()
    flap.upAt = Date.now()
  }

  /** Waits until every job has ended. */
  async idle(): Promise<void> {
    while (this.order.open > 0) await once(this.#app.jobEvents, 'event')
  }

  /** Every job is done, by its own model and with all of its words. */
  assertAnswered(): void {
    for (const [id, tag] of this.jobs) {
      const job = this.#app.jobs.get(id)!
      const { model, tokens } = this.#wishes.get(tag)!
      assert.equal(job.state, 'done', `${id}: ${JSON.stringify(job.error)}`)
      const { message, model: answered } = resultOf(this.#app, job) as {
        message: { content: string }
        model: string
      }
      const words = Array.from({ length: tokens }, (_, i) => `${model}${i}`).join(' ')
      assert.deepEqual([answered, message.content], [model, words], id)
    }
  }

  figures(): Pick<FlapFigures, 'kills' | 'moments' | 'longestClaimMs' | 'boundMs'> {
    const boundMs = this.#boundMs()
    const waits = this.order.claims.map(({ from, to }) => to - from - this.#awayBetween(from, to))
    const longestClaimMs = Math.max(0, ...waits)
    assert.ok(
      longestClaimMs <= boundMs,
      `a claim waited ${longestClaimMs} ms where the bound is ${boundMs} ms`
    )
    const kills = this.flaps.filter(({ killed }) => killed).length
    return { kills, moments: this.#moments, longestClaimMs, boundMs }
  }

  #wish(): Wish {
    const model = this.#random.pick(names)
    const tokens = this.#random.between(1, mostTokens)
    const tag = `job ${this.#wishes.size}`
    this.#wishes.set(tag, { model, tokens })
    const messages = [{ role: 'user', content: tag }]
    const body = { stream: this.#random.next() < 0.5, messages, options: { num_predict: tokens } }
    return { model, body, priority: this.#random.pick(priorities), maxAttempts: 30 }
  }

  async #until(moment: (typeof moments)[number]): Promise<void> {
    const { jobEvents } = this.#app
    if (moment === 'any') return void (await sleep(this.#random.between(0, 2 * loadMs)))
    const state = moment === 'load' ? 'loading' : 'working'
    while (this.order.open > 0) {
      const [, job] = await once(jobEvents, 'event')
      if (moment !== 'idle' && job.state === state) break
    }
    const longestMs = moment === 'load' ? loadMs : tokenMs * mostTokens
    if (moment !== 'idle') await sleep(this.#random.between(0, longestMs))
  }

  // With nothing to do, only the regular look finds out that it is gone: then it was never missed.
  async #up(): Promise<void> {
    const { reachability } = this.#app
    if (reachability.state.status === 'down') await once(reachability, 'up')
  }

  /** The bound of ADR 0009 for two other runners, each of them twice and overtaking once more. */
  #boundMs(): number {
    const query = 'SELECT max(duration_ms) FROM swap'
    const load = this.#app.db.prepare(query).pluck().get() as number
    const work = tokenMs * mostTokens + machineSlackMs
    const turn = (1 / share - 1) * load
    const rounds = 2 * (names.length - 1) + 1
    return load + rounds * (turn + work + load) + rounds * (turn + load)
  }

  #awayBetween(from: number, to: number): number {
    const parts = this.flaps.map(({ goneAt, upAt }) => Math.min(to, upAt) - Math.max(from, goneAt))
    return parts.reduce((sum, part) => sum + Math.max(0, part), 0)
  }
}

function tagOf({ body }: Wish): string {
  return (body!.messages as { content: string }[])[0]!.content
}

/**
 * A day of mixed callers, drawn from a seed: people who chat, with a title generator beside each chat; assistants in
 * editors; agents that loop over three models; a backfill of embeddings; a batch overnight. Clients disagree about
 * `num_ctx`, as they do. Runners are those that foreman would give their requests. However long the answers take,
 * everybody makes all of his calls.
 */
import { createHash } from 'node:crypto'
import { runnerOf } from '../../core/target/runner.ts'
import type { Call } from './simulation.ts'
import { type Callable, exponential, seeded, toMs } from './workloads.ts'

/** What the models of the day take to load, in seconds. */
const loads = { small: 4, medium: 9, large: 15, coder: 25, embed: 2 } as const

/** A model of the day. */
export type DayModel = keyof typeof loads

/** One request as a client makes it. */
export interface Ask extends Pick<Call, 'priority'> {
  readonly model: DayModel
  /** As the client sends it; left to the target when left out. */
  readonly numCtx?: number
  /** Seconds of work. */
  readonly work: number
}

/** How many of them there are. */
export interface Company {
  readonly people: number
  readonly editors: number
  readonly agents: number
}

/** Enough callers for arrival order to need more hours than the day has. */
export const busyCompany: Company = { people: 30, editors: 12, agents: 18 }

/** So few that most of them are alone: then every order of service loads for each of them. */
export const quietCompany: Company = { people: 10, editors: 4, agents: 6 }

/** What becomes of the `num_ctx` of a request: itself, or what a policy makes of it. */
export type ContextRule = (model: DayModel, numCtx: number | undefined) => number | undefined

/** Leaves every request as it is. */
export const asSent: ContextRule = (_model, numCtx) => numCtx

const hourS = 3600
/** Of each person, each editor and each agent. */
const [visits, bursts, tasks] = [4, 4, 3]
const editorContext = 8192
const documentsContext = 16_384

/** The runner of a request. */
export function runnerFor(model: DayModel, numCtx: number | undefined): string {
  const weights = `sha256:${createHash('sha256').update(model).digest('hex')}`
  const facts = { weights, attachments: [], parameters: {}, families: ['llama'], format: 'gguf' }
  const capabilities = [model === 'embed' ? 'embedding' : 'completion']
  const loadOptions = numCtx === undefined ? {} : { num_ctx: numCtx }
  return runnerOf({ ...facts, capabilities, contextLength: 32_768 }, { loadOptions, shift: undefined }).key
}

const modelOf = new Map(
  (Object.keys(loads) as DayModel[]).map(model => [weightsOf(runnerFor(model, undefined)), model])
)

/** What of a runner's key names its weights. */
export function weightsOf(runner: string): string {
  return runner.split('+', 1)[0]!
}

/** What a swap to a runner takes, in ms. */
export function dayLoadMs(runner: string): number {
  return toMs(loads[modelOf.get(weightsOf(runner))!])
}

/** Sets the calls of a day. Each visit draws from numbers of its own, so that it is the same under every policy. */
export class Day {
  readonly #callers: Callable
  readonly #company: Company
  readonly #rule: ContextRule
  readonly #seed: number
  #drawn = 0
  /** The largest `num_ctx` that was asked for, by model. */
  readonly largest = new Map<DayModel, number>()

  constructor(callers: Callable, seed: number, company: Company, rule: ContextRule) {
    this.#callers = callers
    this.#seed = seed
    this.#company = company
    this.#rule = rule
  }

  /** Sets all of it. */
  play(): void {
    const { people, editors, agents } = this.#company
    for (let left = visits * people; left > 0; left--) this.#visit(this.#random())
    for (let left = bursts * editors; left > 0; left--) this.#burst(this.#random())
    for (let left = tasks * agents; left > 0; left--) this.#task(this.#random())
    this.#documents(this.#random())
    this.#backfill(this.#random())
    this.#overnight(this.#random())
  }

  #random(): () => number {
    this.#drawn += 1
    return seeded(this.#seed * 1000 + this.#drawn)
  }

  #ask(at: number, { model, numCtx, work, priority }: Ask, onEnd: () => void = () => {}): void {
    if (numCtx !== undefined) this.largest.set(model, Math.max(numCtx, this.largest.get(model) ?? 0))
    const runner = runnerFor(model, this.#rule(model, numCtx))
    this.#callers.call(toMs(at), { runner, priority, workMs: toMs(work) }, onEnd)
  }

  get #now(): number {
    return this.#callers.agenda.now / 1000
  }

  /** Some questions, with 45 s of thought on the mean. After each answer the person's client wants a title. */
  #visit(random: () => number): void {
    const title = (): Ask => ({ model: 'small', priority: 'interactive', work: 0.5 + random() })
    const chat = (left: number): void => {
      this.#ask(this.#now, { model: 'large', priority: 'interactive', work: 3 + 8 * random() }, () => {
        this.#ask(this.#now, title())
        if (left > 0) this.#later(exponential(random, 45), () => chat(left - 1))
      })
    }
    this.#at((9 + 9 * random()) * hourS, () => chat(4 + Math.floor(12 * random())))
  }

  /** An editor asks the same model as the people, with a context of its own. */
  #burst(random: () => number): void {
    const help = (left: number): void => {
      const ask: Ask = {
        model: 'large',
        numCtx: editorContext,
        priority: 'interactive',
        work: 1 + 3 * random()
      }
      this.#ask(this.#now, ask, () => {
        if (left > 0) this.#later(exponential(random, 12), () => help(left - 1))
      })
    }
    this.#at((9 + 8 * random()) * hourS, () => help(10 + Math.floor(20 * random())))
  }

  /** Plan once, write four times, review twice, and again, with half a second between two calls. */
  #task(random: () => number): void {
    const plan: Ask = { model: 'medium', priority: 'normal', work: 4 }
    const write: Ask = { model: 'coder', numCtx: documentsContext, priority: 'normal', work: 6 }
    const review: Ask = { model: 'large', priority: 'normal', work: 3 }
    const loop = [plan, write, write, write, write, review, review]
    const step = (left: number): void => {
      const ask = loop[(loop.length - (left % loop.length)) % loop.length]!
      this.#ask(this.#now, { ...ask, work: ask.work * (0.5 + random()) }, () => {
        if (left > 1) this.#later(0.5, () => step(left - 1))
      })
    }
    this.#at((7 + 13 * random()) * hourS, () => step(loop.length * (8 + Math.floor(8 * random()))))
  }

  /** Questions to documents, all day: a context of their own on the people's model. */
  #documents(random: () => number): void {
    for (let at = 8 * hourS; at < 20 * hourS; at += exponential(random, 400)) {
      const ask: Ask = {
        model: 'large',
        numCtx: documentsContext,
        priority: 'normal',
        work: 5 + 5 * random()
      }
      this.#at(at, () => this.#ask(this.#now, ask))
    }
  }

  /**
   * Embeddings with a context of their own are jobs of the worker; those without go to the embed lane, past the
   * schedule, and cost no load: they are left out.
   */
  #backfill(random: () => number): void {
    for (let part = 0; part < 600; part++) {
      const ask: Ask = { model: 'embed', numCtx: editorContext, priority: 'batch', work: 0.5 + random() }
      this.#at(13 * hourS + 6 * part, () => this.#ask(this.#now, ask))
    }
  }

  /** One script that hands in a summary, its keywords and a check for each document, in this order. */
  #overnight(random: () => number): void {
    const steps: Ask[] = [
      { model: 'large', numCtx: documentsContext, priority: 'batch', work: 6 },
      { model: 'small', priority: 'batch', work: 1 },
      { model: 'medium', priority: 'batch', work: 2 }
    ]
    for (let document = 0; document < 500; document++) {
      for (const ask of steps) {
        const work = ask.work * (0.5 + random())
        this.#at(19 * hourS + document, () => this.#ask(this.#now, { ...ask, work }))
      }
    }
  }

  #at(at: number, happen: () => void): void {
    this.#callers.agenda.at(toMs(at), happen)
  }

  #later(seconds: number, happen: () => void): void {
    this.#at(this.#now + seconds, happen)
  }
}

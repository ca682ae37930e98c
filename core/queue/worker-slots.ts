/**
 * What is loaded for the worker (ADR 0022): keeps the record, the schedule and what the target says the same.
 *
 * The record is what foreman did, `/api/ps` is what is so. Where they differ the record follows, and a wrong idea has
 * cost time only: the target loads by itself what a job needs.
 */
import type { Loader } from './loader.ts'
import type { Resident, ResidentRecord } from './resident.ts'
import type { Schedule } from './schedule.ts'
import { victimsFor } from './slots.ts'
import type { SlotsThatHold } from './slots-that-hold.ts'
import type { Wanted } from './wanted.ts'

/** As `/api/ps` lists them. */
type Listed = readonly { readonly digest: string }[]

/** What it works with. */
export interface WorkerSlotsParts {
  readonly record: ResidentRecord
  readonly schedule: Schedule
  readonly holding: SlotsThatHold
  readonly loader: Pick<Loader, 'loaded'>
  /** ms since 1970. */
  readonly now: () => number
}

/** The slots of one worker. */
export class WorkerSlots {
  readonly #parts: WorkerSlotsParts

  constructor(parts: WorkerSlotsParts) {
    this.#parts = parts
  }

  /** Tells the schedule for how many runners there is room at `now`. */
  count(now: number): void {
    this.#parts.schedule.slots = this.#parts.holding.at(now)
  }

  /** The worker goes over to another loaded runner. */
  goOver(runner: string, now: number): void {
    this.#parts.schedule.goOver(runner, now)
    this.#parts.record.use(runner)
  }

  /**
   * What has to go before `runner` is loaded, the least recently used first. Where others are to stay beside it, the
   * target is asked first whether they are still there: nobody need go for one that has gone.
   *
   * @throws {TargetError} where the target is away
   */
  async victims(runner: string): Promise<readonly Resident[]> {
    const { record, loader } = this.#parts
    const victims = this.#victims(runner)
    if (victims.length === record.all.length) return victims
    const there = digestsOf(await loader.loaded())
    record.keep(one => there.has(one.digest))
    return this.#victims(runner)
  }

  /** It was loaded in their place: its turn begins. */
  loaded(wanted: Wanted, victims: readonly Resident[], now: number): void {
    const { record, schedule } = this.#parts
    record.set(wanted, now, victims)
    schedule.begin(wanted.runner.key, now)
    schedule.holdTo(runnersOf(record), now)
  }

  /** Looks whether the others have stayed beside the one that was just loaded, and learns from it where they have not. */
  async check(): Promise<void> {
    const { record, schedule, holding, loader, now } = this.#parts
    const before = record.all
    if (before.length < 2) return
    try {
      const there = digestsOf(await loader.loaded())
      record.keep(one => one === before.at(-1) || there.has(one.digest))
    } catch {
      // It was loaded: what became of the others, the next look tells.
      return
    }
    if (record.all.length === before.length) return
    schedule.holdTo(runnersOf(record), now())
    holding.pushedOut(record.all.length, now())
  }

  /** Somebody else has put another model in its place. */
  lost(runner: string): void {
    const { record, schedule, now } = this.#parts
    record.keep(one => one.runner !== runner)
    schedule.holdTo(runnersOf(record), now())
  }

  /** Holds the record against what the target has; of the runner that has the worker only where it is `idle`. */
  compare(loaded: Listed, idle: boolean): void {
    const { record, schedule, holding, now } = this.#parts
    const there = digestsOf(loaded)
    const before = record.all.length
    record.keep(one => there.has(one.digest) || (!idle && one.runner === schedule.resident))
    // A target that was started anew has nothing loaded.
    if (before > 0 && record.all.length === 0) holding.forget()
    schedule.holdTo(runnersOf(record), now())
  }

  #victims(runner: string): Resident[] {
    const { record, holding, now } = this.#parts
    const victims = victimsFor(runner, runnersOf(record), holding.at(now()))
    return record.all.filter(one => victims.includes(one.runner) || one.runner === runner)
  }
}

function runnersOf(record: ResidentRecord): string[] {
  return record.all.map(({ runner }) => runner)
}

function digestsOf(loaded: Listed): Set<string> {
  return new Set(loaded.map(({ digest }) => digest))
}

/** What every step works on. */
import type { Engine } from './engine.ts'
import { Foreman } from './foreman.ts'
import type { StandIns } from './images.ts'
import type { Stack } from './stack.ts'

/** The engine, the stack in it, and a folder that goes with the run. */
export interface World {
  readonly engine: Engine
  readonly stack: Stack
  readonly standIns: StandIns
  readonly dir: string
}

/** One thing that must hold. It starts what it needs, so it can be run alone. */
export interface Step {
  readonly title: string
  /** @returns what was seen, in a few words; it throws where the thing does not hold, {@link LeftOut} where it cannot be tried */
  run(world: World): Promise<string>
}

/** A step cannot be tried here; the message says what is missing. */
export class LeftOut extends Error {}

/** Foreman of the stack, with the token of its first start: out of the volume, as a user takes it. */
export async function administrator({ stack }: World): Promise<Foreman> {
  return new Foreman(stack.ports.foreman, await stack.exec('foreman', 'cat', '/data/admin-token'))
}

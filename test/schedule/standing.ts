/** Flows that never end: while every runner has one, what loading costs is a promise of the schedule. */
import type { Call, Load, Simulation } from './simulation.ts'

/** Sets a flow that always has `calls` calls, of which one may run (2); the next comes as one ends. */
export function stand(simulation: Simulation, call: Call, calls = 2): void {
  const again = () => simulation.call(simulation.agenda.now, call, again)
  for (let i = 0; i < calls; i++) again()
}

/** A load and the turn that it began. */
export interface LoadAndTurn {
  readonly load: Load
  /** From the begin of this load to the begin of the next, in ms. */
  readonly ms: number
}

/** Runs until `turns` turns have ended. @returns them, loads and all: they leave no time out */
export async function runTurns(simulation: Simulation, turns: number): Promise<LoadAndTurn[]> {
  await simulation.run(() => simulation.loads.length > turns)
  return simulation.loads
    .slice(0, -1)
    .map((load, i) => ({ load, ms: simulation.loads[i + 1]!.startedAt - load.startedAt }))
}

/** Part of all this time that loading took. */
export function loadingPart(turns: readonly LoadAndTurn[]): number {
  const sum = (of: (turn: LoadAndTurn) => number) => turns.reduce((all, turn) => all + of(turn), 0)
  return sum(({ load }) => load.ms) / sum(({ ms }) => ms)
}

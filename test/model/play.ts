/** Plays random orders of what can happen to jobs, and holds foreman against the model after each step. */
import fc from '../helpers/fast-check.ts'
import type { Scope } from '../helpers/foreman.ts'
import { startFake } from '../strength/support/rig.ts'
import { anyCommand } from './commands.ts'
import { Gate } from './gate.ts'
import { Model } from './model.ts'
import { Session } from './session.ts'

const mostCommands = 40

/**
 * Plays `runs` orders, the same for the same seed.
 * @returns how often each kind of command was played
 * @throws {Error} with the shortest order found in which a promise was not kept, and the seed to see it again
 */
export async function playModel(
  t: Scope,
  { runs, seed }: { runs: number; seed: number }
): Promise<ReadonlyMap<string, number>> {
  const fake = await startFake(t)
  const gate = await Gate.open(t, fake.url)
  const played = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.commands(anyCommand, { maxCommands: mostCommands, size: 'max' }), async commands => {
      await fake.reset()
      const session = await Session.begin(gate)
      try {
        await fc.asyncModelRun(() => ({ model: new Model(), real: session }), commands)
      } finally {
        await session.end()
      }
      for (const command of commands) count(played, String(command).replace(/\(.*/, ''))
    }),
    { numRuns: runs, seed }
  )
  return played
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

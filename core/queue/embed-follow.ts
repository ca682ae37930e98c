/** What happens at the target and concerns the embedder: another list of models, a target that was away, another version. */
import type { Catalog } from '../target/catalog.ts'
import type { Reachability } from '../target/reachability.ts'
import type { TargetVersion } from '../target/target-version.ts'
import type { EmbedLane } from './embed-lane.ts'
import type { FirstSlot } from './embed-slot.ts'

/** Follows from here on. */
export function followTarget(
  embeds: EmbedLane,
  first: FirstSlot,
  target: { catalog: Catalog; reachability: Reachability; targetVersion: TargetVersion }
): void {
  const { catalog, reachability, targetVersion } = target
  let changed = false
  catalog.on('changed', () => {
    changed = true
  })
  catalog.on('polled', () => {
    if (changed) embeds.chooseAnew()
    changed = false
  })
  reachability.on('up', () => embeds.wasAway())
  // Another server: whatever it shows, foreman has not loaded it.
  targetVersion.on('changed', () => {
    for (const { runner } of first.residents) first.lost(runner)
    embeds.beginAnew('the target is of another version now')
  })
}

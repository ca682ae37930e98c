/** Callers that ask for one model with different `num_ctx`: each change loads it again. */
import type { Database } from 'better-sqlite3'
import { type ContextAsk, type ContextConflict, contextConflicts } from '../../queue/context-conflicts.ts'
import { amiss, type Finding, listed, well } from './finding.ts'

/** Tells conflicts that have cost loads since `since`, in ms since 1970. Those without, side by side in several slots, cost nothing. */
export function examineContexts(db: Database, since: number): Finding[] {
  const costly = contextConflicts(db, since).filter(({ reloads }) => reloads > 0)
  if (costly.length > 0) return costly.map(told)
  return [well('models.contexts_agree', 'no model was loaded again for num_ctx alone')]
}

function told({ models, asked, reloads, reloadMs }: ContextConflict): Finding {
  const byContext = Map.groupBy(asked, ({ context }) => context)
  const words = [...byContext]
    .sort(([a], [b]) => (a ?? 0) - (b ?? 0))
    .map(([context, asks]) => one(context, asks))
  const seen = `${listed(models)} was loaded again ${reloads} times (${Math.round(reloadMs / 1000)} s) for num_ctx alone: ${words.join('; ')}`
  const mend =
    'let all callers of a model ask for the same num_ctx, or set plugins.residency.num_ctx.policy to high_water'
  return amiss('models.contexts_conflict', seen, mend)
}

function one(context: number | null, asks: readonly ContextAsk[]): string {
  return `${context ?? 'none'} by ${listed(asks.map(({ owner }) => owner))}`
}

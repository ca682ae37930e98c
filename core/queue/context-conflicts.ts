/**
 * Who makes the target load a model again for its context alone: callers that ask for one model with several `num_ctx`.
 * Told by the runners of the newest jobs, as they are in the store, and by the swaps.
 */
import type { Database } from 'better-sqlite3'
import { contextOf, weightsOf, withContext } from '../target/runner-context.ts'

/** What one owner asked for. */
export interface ContextAsk {
  /** Owner of the jobs: the id of a token, or of the one that it took over from. */
  readonly owner: string
  /** Tokens; null where the target chose. */
  readonly context: number | null
  readonly jobs: number
}

/** Weights that were asked for with more than one context. */
export interface ContextConflict {
  /** As the keys of its runners begin. */
  readonly weights: string
  /** The names it was asked for by, sorted. */
  readonly models: readonly string[]
  /** The most jobs first, then by owner. */
  readonly asked: readonly ContextAsk[]
  /** Loads in which nothing but the context changed, and what they took in all. */
  readonly reloads: number
  readonly reloadMs: number
}

/** Jobs that are looked at: the newest. */
const mostJobs = 100_000

interface Asked {
  readonly owner: string
  readonly model: string
  readonly runner: string
  readonly jobs: number
}

interface Loaded {
  readonly runner: string
  readonly evicted: string
  readonly durationMs: number
}

/** All of them among jobs and swaps since `since`, in ms since 1970; those with the most reloads first. Only reads. */
export function contextConflicts(db: Database, since: number): ContextConflict[] {
  const groups = Map.groupBy(askedSince(db, since), ({ runner }) => weightsOf(runner))
  const reloads = reloadsSince(db, since)
  return [...groups]
    .map(([weights, group]) => conflictOf(weights, group, reloads))
    .filter(({ asked }) => new Set(asked.map(({ context }) => context)).size > 1)
    .sort((a, b) => b.reloads - a.reloads)
}

function askedSince(db: Database, since: number): Asked[] {
  return db
    .prepare(
      `SELECT owner, model, runner, count(*) AS jobs FROM job
       WHERE seq > (SELECT max(seq) FROM job) - ? AND created_at >= ? AND kind IN ('generate', 'chat')
         AND runner NOT LIKE 'name:%'
       GROUP BY owner, model, runner`
    )
    .all(mostJobs, since) as Asked[]
}

function reloadsSince(db: Database, since: number): Loaded[] {
  const swaps = db
    .prepare(
      `SELECT runner, evicted, duration_ms AS durationMs FROM swap
       WHERE started_at >= ? AND loaded = 1 AND evicted IS NOT NULL`
    )
    .all(since) as Loaded[]
  return swaps.filter(
    ({ runner, evicted }) => runner !== evicted && withContext(runner, 0) === withContext(evicted, 0)
  )
}

function conflictOf(weights: string, group: readonly Asked[], reloads: readonly Loaded[]): ContextConflict {
  const asked = new Map<string, ContextAsk>()
  for (const { owner, runner, jobs } of group) {
    const context = contextOf(runner) ?? null
    const key = `${context} ${owner}`
    asked.set(key, { owner, context, jobs: jobs + (asked.get(key)?.jobs ?? 0) })
  }
  const own = reloads.filter(({ runner }) => weightsOf(runner) === weights)
  return {
    weights,
    models: [...new Set(group.map(({ model }) => model))].sort(),
    asked: [...asked.values()].sort((a, b) => b.jobs - a.jobs || a.owner.localeCompare(b.owner)),
    reloads: own.length,
    reloadMs: own.reduce((sum, { durationMs }) => sum + durationMs, 0)
  }
}

/** Whether the target is there, since when, and of which version, as `GET /models` shows it. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { targetSchema } from './schemas.ts'

/** Tells it. */
export interface TargetState {
  now(): Static<typeof targetSchema>
}

/** Watches from here on. */
export function watchTarget({ reachability, targetVersion }: FastifyInstance): TargetState {
  let upSince: Date | undefined
  reachability.on('up', () => {
    upSince = new Date()
  })
  return {
    now: () => {
      const { state } = reachability
      const since = state.status === 'down' ? state.since : upSince
      const version = targetVersion.current ?? null
      return { status: state.status, since: since?.toISOString() ?? null, version }
    }
  }
}

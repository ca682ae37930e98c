/** Finds the job of a path for its caller. */
export { findJob, storing } from '../../core/jobs/lookup.ts'

/** The path of one job, for Fastify's types. */
export type JobPath = { Params: { id: string } }

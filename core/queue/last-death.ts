/** What is known of the process that ran before this one, when a start puts its jobs right. */
import type { Database } from 'better-sqlite3'
import type { Job } from '../jobs/job.ts'
import type { Death } from '../jobs/recovery.ts'
import type { Stoppages } from './stoppages.ts'
import { SwapLedger } from './swap-ledger.ts'

/** Ends what it left open. A load that it had begun goes into the ledger as one that failed: nobody else tells of it. */
export function lastDeath(db: Database, stoppages: Stoppages): Death {
  const at = stoppages.recover(Date.now())
  const ledger = new SwapLedger(db)
  const loading = ({ runner, model, startedAt }: Job) => {
    const began = Math.min(startedAt ?? at, at)
    ledger.record({
      ...{ runner, model, evicted: null, loaded: false },
      ...{ startedAt: began, durationMs: at - began }
    })
  }
  return { at, loading }
}

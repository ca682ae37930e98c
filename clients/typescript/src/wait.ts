/** Waits for the end of a job by requests that are held back. Source: docs/http-api.md, "Follow it". */
import { broken, type Http } from './http.ts'
import { Patience } from './retry.ts'
import { hasEnded, type Job } from './types.ts'

/** How to wait. */
export interface WaitOptions {
  /** Told of the job as it is, and then of each change that is seen. */
  onChange?: (job: Job) => void
  /** Stops waiting; the job goes on. */
  signal?: AbortSignal
}

/** Foreman holds a request for 60 s at most, and proxies cut one that is silent for as long. */
const heldS = 50
const timeoutS = heldS + 30

/**
 * The job when it has ended, whatever its state.
 * @throws {ForemanError} where it is refused {ForemanConnectionError} after `maxOutageS` without foreman
 */
export async function wait(http: Http, jobId: string, { onChange, signal }: WaitOptions = {}): Promise<Job> {
  const patience = new Patience(http.rules, http.rules.maxOutageS)
  let version: number | undefined
  for (;;) {
    try {
      const job = await look(http, jobId, onChange && { version }, signal)
      patience.renew()
      if (job !== undefined) {
        version = job.version
        onChange?.(job)
        if (hasEnded(job)) return job
      }
    } catch (err) {
      await patience.pause(err, signal)
    }
  }
}

/** One request: held until the end, or, with `known`, until the job has another version. @returns undefined for none */
async function look(
  http: Http,
  jobId: string,
  known: { version: number | undefined } | undefined,
  signal: AbortSignal | undefined
): Promise<Job | undefined> {
  const held = { prefer: `wait=${heldS}` }
  const headers: Record<string, string> =
    known === undefined
      ? held
      : known.version === undefined
        ? {}
        : { ...held, 'if-none-match': `"${known.version}"` }
  const answer = await http.once(`/jobs/${encodeURIComponent(jobId)}`, { headers, signal, timeoutS })
  if (answer.status === 304) return undefined
  return (await answer.json().catch(err => broken(err, signal))) as Job
}

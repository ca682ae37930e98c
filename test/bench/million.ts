/** The one data directory with a million queued jobs that several scenarios of a run share: filling it takes a minute. */
import { openBacklog } from './backlog.ts'
import type { Bench } from './scenario.ts'

/** What stands in the name of the figures. */
export const million = 1_000_000

/** So that there are still a million when some have been run. */
const spare = 10_000

const filled = new WeakMap<Bench, string>()

/** The directory, filled at the first call. No foreman is on it. */
export function millionQueued(bench: Bench): string {
  const known = filled.get(bench)
  if (known !== undefined) return known
  bench.note('queueing a million jobs: a minute or two')
  const dataDir = bench.directory()
  const backlog = openBacklog(dataDir)
  backlog.add(million + spare)
  backlog.close()
  filled.set(bench, dataDir)
  return dataDir
}

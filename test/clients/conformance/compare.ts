/** Runs the script of one client both ways and says what differs. */
import type { JobState } from '../../../core/jobs/states.ts'
import type { Command } from './clients.ts'
import { differencesOf, errorOf } from './differences.ts'
import { masks, realMasks } from './masks.ts'
import { type Outcome, runScript } from './run-script.ts'
import type { Ways } from './stage.ts'

/** What became of it. */
export interface Comparison {
  /** Names of the calls that were made. */
  readonly cases: readonly string[]
  /** A sentence for each; empty where foreman was not to be told from its target. */
  readonly differences: readonly string[]
}

/** Calls that are no work for a model. */
const free = /^(list|show|version|ps|models|one model|unknown model.*|manage|wrong token)$/

/** Calls that are to end with an error. */
const trouble =
  /^(cancel|unknown model.*|bad request|error in the stream|stream without its end|separators raw)$/

/** What is special about a comparison. */
interface Special {
  /** The target is no fake: what only that can do is left out. Defaults to false. */
  readonly real?: boolean
  /** As the client's row has it. */
  readonly lingers?: true
}

/** Runs it first directly, then through foreman. */
export async function compare(
  command: Command,
  ways: Ways,
  { real = false, lingers }: Special = {}
): Promise<Comparison> {
  await ways.clear()
  const direct = await runScript(command, ways.direct, real)
  await ways.clear()
  const through = await runScript(command, ways.through, real)
  const differences = differencesOf(direct, through, real ? realMasks : masks)
  const idle = real ? [] : failuresIn(direct)
  const jobs = unlikeJobs(namesOf(direct), await ways.jobs(), await ways.inferences(), lingers)
  return { cases: namesOf(direct), differences: [...differences, ...idle, ...jobs] }
}

/** Cases that fail directly, without being made to: they would prove nothing. */
function failuresIn(direct: readonly Outcome[]): string[] {
  const failed = direct.filter(
    ({ case: name, outcome }) => !trouble.test(name) && errorOf(outcome) !== undefined
  )
  return failed.map(({ case: name, outcome }) => `${name}: fails directly: ${JSON.stringify(outcome)}`)
}

function namesOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ case: name }) => name)
}

/**
 * Every call for a model is a job, and one that the client left is canceled.
 * @param names of the cases
 * @param states of the jobs
 * @param inferences that the target got directly; undefined for a real one, which cannot be asked, and whose answer may
 *   be at its end before the client has left
 */
export function unlikeJobs(
  names: readonly string[],
  states: readonly JobState[],
  inferences?: number,
  lingers?: true
): string[] {
  const least = names.filter(name => !free.test(name)).length
  if (states.length < least) return [`${states.length} jobs for ${least} cases that need one`]
  if (inferences === undefined) return []
  const left = lingers ? 0 : names.filter(name => name === 'cancel').length
  const canceled = states.filter(state => state === 'canceled').length
  return [
    ...(states.length === inferences
      ? []
      : [`${states.length} jobs, and ${inferences} calls for a model directly`]),
    ...(canceled === left ? [] : [`${canceled} jobs canceled, and ${left} calls left`])
  ]
}

/** Where the outcomes of two runs of one script differ. */
import { isDeepStrictEqual } from 'node:util'
import { masked, masks } from './masks.ts'
import type { Outcome } from './run-script.ts'

/** The one case in which foreman answers for itself. */
const refused = 'wrong token'
const missing = Symbol('nothing')

/** What each case says of its first difference. Empty where the runs differ only in what chance and time decide. */
export function differencesOf(
  direct: readonly Outcome[],
  through: readonly Outcome[],
  by = masks
): readonly string[] {
  const [calls, others] = [direct, through].map(run => run.map(({ case: name }) => name))
  if (!isDeepStrictEqual(calls, others)) return [`cases: ${calls} directly, ${others} through foreman`]
  return direct.flatMap(({ case: name, outcome }, at) => {
    const other = through[at]!.outcome
    const found =
      name === refused ? notRefused(outcome, other) : firstDifference(masked(outcome, by), masked(other, by))
    return found === undefined ? [] : [`${name}: ${found}`]
  })
}

/** Path and both values of the first difference, depth first. */
function firstDifference(direct: unknown, through: unknown, path = 'outcome'): string | undefined {
  if (isDeepStrictEqual(direct, through)) return undefined
  if (!isTree(direct) || !isTree(through) || Array.isArray(direct) !== Array.isArray(through))
    return `${path} is ${told(direct)} directly, ${told(through)} through foreman`
  for (const key of new Set([...Object.keys(direct), ...Object.keys(through)])) {
    const found = firstDifference(member(direct, key), member(through, key), `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

type Tree = Readonly<Record<string, unknown>>

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null
}

function member(tree: Tree, key: string): unknown {
  return Object.hasOwn(tree, key) ? tree[key] : missing
}

function told(value: unknown): string {
  const longest = 200
  return value === missing ? 'missing' : JSON.stringify(value).slice(0, longest)
}

/** What a library threw; a member `error` that is empty is part of an answer. */
export function errorOf(outcome: unknown): Tree | undefined {
  return isTree(outcome) && isTree(outcome.error) ? outcome.error : undefined
}

/** Directly nobody asks for a token; through foreman the client's own error says that this one is not good. */
function notRefused(direct: unknown, through: unknown): string | undefined {
  if (errorOf(direct) !== undefined) return `the target refused it: ${told(direct)}`
  const error = errorOf(through)
  if (error === undefined) return `foreman let it pass: ${told(through)}`
  const { status, message } = error
  const readable = typeof message === 'string' && /^[^<]*\w{4}[^<]*$/.test(message)
  return status === 401 && readable ? undefined : `no error of 401 with a readable text: ${told(error)}`
}

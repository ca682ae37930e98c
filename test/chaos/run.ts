/**
 * `npm run chaos -- [--rounds N] [--seed S]`: random jobs, kills and faults, and after each round every promise is
 * checked. Prints the seed first, so that a run can be repeated: choices are the same, instants are not.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { play } from './play.ts'

const mostSeed = 2 ** 31
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, seed: { type: 'string' } }
})
const rounds = Number(values.rounds)
const seed = Number(values.seed ?? randomInt(mostSeed))
const closing: (() => unknown)[] = []

console.log(`chaos: ${rounds} rounds, seed ${seed}`)
const startedAt = performance.now()
try {
  const scope = { after: (close: () => unknown) => void closing.unshift(close) }
  const figures = await play(scope, { rounds, seed }, round => process.stdout.write(`round ${round} held\n`))
  console.log({ ...figures, seconds: Math.round((performance.now() - startedAt) / 1000) })
} finally {
  for (const close of closing) await close()
}

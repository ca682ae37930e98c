/**
 * `npm run properties [-- --rounds 20 --seed N]`: all tests that draw their cases, again and again, each round from another
 * seed. The tests of every day draw from one seed. Ends at the first round that fails, with the seed to repeat it:
 * `TEST_SEED=… node --test file`.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const mostSeed = 2 ** 31 - 1
const draws = /from '[^']*helpers\/(?:fast-check|seed)\.ts'/

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string' } }
})
const rounds = Number(values.rounds)
const firstSeed = Number(values.seed ?? randomInt(mostSeed - rounds))
if (!Number.isSafeInteger(rounds) || !Number.isSafeInteger(firstSeed))
  throw new Error('--rounds and --seed are integers')

const files = globSync('test/**/*.test.ts').filter(file => draws.test(readFileSync(file, 'utf8')))
for (let round = 0; round < rounds; round++) {
  const seed = firstSeed + round
  console.log(`round ${round + 1} of ${rounds}: ${files.length} files, TEST_SEED=${seed}`)
  const { status } = spawnSync(
    process.execPath,
    ['--test', '--test-concurrency=3', '--test-reporter=dot', ...files],
    { stdio: 'inherit', env: { ...process.env, TEST_SEED: String(seed) } }
  )
  if (status !== 0) {
    process.exitCode = 1
    break
  }
}

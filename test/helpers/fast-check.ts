/** fast-check, drawing from the seed of the run. */
import fc from 'fast-check'
import { testSeed } from './seed.ts'

fc.configureGlobal({ seed: testSeed })

export { default } from 'fast-check'

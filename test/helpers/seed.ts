/**
 * What everything drawn at random in the tests comes from: the same in each run, so that a failure is the change's and not the
 * draw's. `npm run properties` draws others; `TEST_SEED` is the one to repeat a failure with.
 */

/** An integer below 2 ** 31. */
export const testSeed = Number(process.env.TEST_SEED ?? 20_261_124)

/** Upper bounds of the histograms: seconds, unless they count tokens. Short and long waits are both usual here. */

/** Queues, runs and loads: a tenth of a second to two hours. */
export const longBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 7200]

/** The first token. */
export const firstTokenBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]

/** One token of many. */
export const perTokenBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5]

/** Requests that foreman answers itself. */
export const httpBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Commits. */
export const commitBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Lengths of prompts and answers, in tokens. */
export const tokenBuckets = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144]

/** What can be set on the farm while it runs. Spans are milliseconds, since tests count in those. */
export interface FarmConfig {
  /** Keep what came; without, it is only counted. Defaults to true. */
  keep: boolean
  /** When `slow` answers. Defaults to 2000. */
  slow_ms: number
  /** Between two bytes of `trickling_head` and `trickling_body`. Defaults to 1000. */
  trickle_ms: number
  /** How often `flaky` fails for a message that it fails for. Defaults to 2. */
  flaky_failures: number
  /** `flaky` fails for one message in so many, by its id. Defaults to 1: for each. */
  flaky_one_in: number
  /** What `throttling_seconds` and `throttling_date` ask for. Defaults to 1000. */
  retry_after_ms: number
}

/** The settings of a farm that was told nothing. */
export const defaults: FarmConfig = {
  keep: true,
  slow_ms: 2000,
  trickle_ms: 1000,
  flaky_failures: 2,
  flaky_one_in: 1,
  retry_after_ms: 1000
}

/** Changes `config`. @throws {Error} on an unknown key, since a typing error would test nothing */
export function configure(config: FarmConfig, patch: Partial<FarmConfig>): void {
  for (const key of Object.keys(patch)) {
    if (!(key in config)) throw new Error(`the farm has no setting ${key}`)
  }
  Object.assign(config, patch)
}

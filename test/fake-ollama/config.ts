/**
 * What a test can set on the fake Ollama, with defaults that follow the real server.
 *
 * Spans are milliseconds, since tests count in those; sizes are bytes.
 */
import { defaultModels, defaultRemoteModels } from './catalog/default-models.ts'
import type { FaultSpec } from './faults.ts'

/** What a model can do, as `/api/show` lists it. */
export type Capability =
  | 'completion'
  | 'embedding'
  | 'vision'
  | 'audio'
  | 'tools'
  | 'insert'
  | 'thinking'
  | 'image'

/** One installed model, or one that `/api/pull` can bring. */
export interface ModelConfig {
  /** Name as listed; the tag defaults to `latest`. */
  name: string
  /** 64 hex digits of the manifest. Defaults to a hash of the name. */
  digest?: string
  /** 64 hex digits of the weights blob; models with the same one share a runner. Defaults to a hash of the digest. */
  weights?: string
  /** Bytes on disk and in memory. Defaults to 1 GB. */
  size_bytes?: number
  /** Bytes of GPU memory. Defaults to `size_bytes`. */
  vram_bytes?: number
  /** Defaults to `['completion']`. */
  capabilities?: Capability[]
  /** Architecture. Defaults to `llama`. */
  family?: string
  /** Defaults to `[family]`; `null` as some old models have it. */
  families?: string[] | null
  /** Defaults to `1.2B`. */
  parameter_size?: string
  /** Defaults to `Q4_K_M`. */
  quantization_level?: string
  /** Training length in tokens. Defaults to 8192. */
  context_length?: number
  /** Defaults to 16. */
  embedding_length?: number
  /** The model's own PARAMETERs, such as `{ num_ctx: 8192 }`. */
  parameters?: Record<string, unknown>
  /** System prompt of the model, shown by `/api/show`. */
  system?: string
  /** Set together: a stub whose work is done elsewhere. */
  remote_host?: string
  remote_model?: string
  /** ISO time. Defaults to a fixed day. */
  modified_at?: string
  /** Where tool calls go: on the `done` line (templates) or in a chunk before it (parsers). Defaults to `final`. */
  tool_framing?: 'final' | 'chunk'
  /** Stem of the words it says, so that an answer tells which weights made it. Defaults to `tok`. */
  word?: string
  /** Answer with a tool call when tools are offered and the last message is not a tool's. Defaults to true. */
  calls_tools?: boolean
  /** Says its words before it calls, and calls every tool offered. Defaults to false: one call and no word. */
  talks_with_tools?: boolean
  /** Every load fails with this text. */
  fails_to_load?: string
  /** Applied to every inference request for the model. */
  fault?: FaultSpec
  /** These four go before the instance's own. */
  load_delay_ms?: number
  prompt_delay_ms?: number
  token_delay_ms?: number
  token_count?: number
}

/** The whole instance. */
export interface FakeConfig {
  /** 0 lets the system choose. Defaults to 0. */
  port: number
  /** Defaults to `0.33.0`. */
  version: string
  /** Models resident at once, `OLLAMA_MAX_LOADED_MODELS`. Defaults to 3. */
  max_loaded: number
  /** Concurrent generations of one model, `OLLAMA_NUM_PARALLEL`. Defaults to 1. */
  num_parallel: number
  /** Requests that may wait for a load, `OLLAMA_MAX_QUEUE`. Defaults to 512. */
  max_queue: number
  /** Idle time before a model is unloaded, `OLLAMA_KEEP_ALIVE`; negative is forever. Defaults to 5 min. */
  keep_alive_ms: number
  /** Context when nobody sets `num_ctx`. Defaults to 4096. */
  default_num_ctx: number
  /** Memory that resident models share; 0 is without limit. Defaults to 0. */
  total_memory_bytes: number
  /** Time a load takes. Defaults to 0. */
  load_delay_ms: number
  /** Time from a model's leaving until its memory is back. Defaults to 0. */
  unload_delay_ms: number
  /** Time before the first token; for embeddings per input. Defaults to 0. */
  prompt_delay_ms: number
  /** Time before each token. Defaults to 0. */
  token_delay_ms: number
  /** Time after each progress line of pull, push and create. Defaults to 0. */
  pull_delay_ms: number
  /** Tokens of an answer when the request does not set `num_predict`. Defaults to 8. */
  token_count: number
  /** Refuse foreign `Host` headers as a loopback server does. Defaults to true. */
  check_host: boolean
  /** Refuse foreign `Origin` headers. Defaults to true. */
  check_origin: boolean
  /** Further allowed origins, `OLLAMA_ORIGINS`; `*` is any. Defaults to none. */
  origins: string[]
  /** `OLLAMA_NO_CLOUD`. Defaults to true. */
  cloud_disabled: boolean
  /** Leave `capabilities` out of `/api/tags`, as older servers do. Defaults to false. */
  tags_without_capabilities: boolean
  /** Paths that answer 404 as on a server from before they existed, such as `/v1/responses`. */
  missing_routes: string[]
  /** Installed at start and after a reset. */
  models: ModelConfig[]
  /** What `/api/pull` finds in the registry. */
  remote_models: ModelConfig[]
  /** Applied to every request that matches, until its `times` is used up. */
  faults: FaultSpec[]
  /** Requests and events remembered; counters stay exact. Defaults to 1000 and 10 000. */
  request_log_limit: number
  event_log_limit: number
  /** Bytes of a request body remembered. Defaults to 64 KiB. */
  body_log_bytes: number
  /**
   * File to which every event and the body of every request is appended as it happens, a line of JSON each with the
   * time in ms since 1970: what is left of a fake that was killed. Defaults to none.
   */
  event_file: string
}

const DEFAULTS: Omit<FakeConfig, 'models' | 'remote_models'> = {
  port: 0,
  version: '0.33.0',
  max_loaded: 3,
  num_parallel: 1,
  max_queue: 512,
  keep_alive_ms: 5 * 60_000,
  default_num_ctx: 4096,
  total_memory_bytes: 0,
  load_delay_ms: 0,
  unload_delay_ms: 0,
  prompt_delay_ms: 0,
  token_delay_ms: 0,
  pull_delay_ms: 0,
  token_count: 8,
  check_host: true,
  check_origin: true,
  origins: [],
  cloud_disabled: true,
  tags_without_capabilities: false,
  missing_routes: [],
  faults: [],
  request_log_limit: 1000,
  event_log_limit: 10_000,
  body_log_bytes: 65_536,
  event_file: ''
}

/** Fills what `partial` leaves out. @throws {Error} on an unknown key, since a typing error would test nothing. */
export function resolveConfig(partial: Partial<FakeConfig> = {}): FakeConfig {
  const full = { ...DEFAULTS, models: defaultModels(), remote_models: defaultRemoteModels() }
  return patchConfig(full, partial)
}

/** A copy of `config` with the given members replaced. @throws {Error} on an unknown key. */
export function patchConfig(config: FakeConfig, patch: Partial<FakeConfig>): FakeConfig {
  for (const key of Object.keys(patch)) {
    if (!(key in config)) throw new Error(`fake Ollama has no setting ${key}`)
  }
  return { ...config, ...patch }
}

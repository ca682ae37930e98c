/** The queue's rules as the settings give them, in its own units. */
import type { Settings } from '../settings.ts'
import type { JobQueueParts } from './job-queue.ts'

const secondMs = 1000

/** Everything of the settings that the queue works by; seconds become ms. */
export function queueRules(
  settings: Settings
): Pick<
  JobQueueParts,
  'rules' | 'retry' | 'swap' | 'embed' | 'silence' | 'patienceMs' | 'caps' | 'historyMs'
> {
  const { queue, limits, retry, keep_alive, retention } = settings
  const { interactive, normal, batch } = queue.patience_s
  return {
    rules: { loadShare: queue.load_share, linger: queue.linger, slots: queue.worker_slots },
    retry: {
      backoffMs: retry.backoff_s * secondMs,
      factor: retry.backoff_factor,
      jitter: retry.backoff_jitter,
      capMs: retry.backoff_cap_s * secondMs
    },
    swap: {
      unloadMs: limits.unload_timeout_s * secondMs,
      loadMs: limits.first_token_timeout_s * secondMs,
      keepAlive: keep_alive.idle_unload
    },
    embed: { model: settings.embed.model, concurrency: settings.embed.concurrency },
    silence: {
      firstByteMs: limits.first_token_timeout_s * secondMs,
      silenceMs: limits.stall_timeout_s * secondMs
    },
    patienceMs: { interactive: interactive * secondMs, normal: normal * secondMs, batch: batch * secondMs },
    historyMs: retention.history_s * secondMs,
    caps: {
      maxQueued: queue.max_queued,
      maxBytes: queue.max_bytes,
      minFreeBytes: queue.min_free_bytes
    }
  }
}

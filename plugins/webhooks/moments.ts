/** What the plugin tells in passing, for metrics. */
import type { Outcome } from './egress/sender.ts'
import type { DeliveryState } from './retry.ts'

declare module '../../core/telemetry.ts' {
  interface Moments {
    /** An attempt is over. */
    webhookAttempt: [outcome: Outcome, tookMs: number]
    /** Deliveries are over, or held: in which state, and how many. */
    webhooksSettled: [state: DeliveryState, count: number]
    /** A delivery was taken, so long after what it tells. */
    webhookDelivered: [lagMs: number]
  }
}

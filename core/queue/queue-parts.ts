/** What the queue is made of: the parts of foreman that it works with, and its rules. */
import type { FastifyBaseLogger } from 'fastify'
import type { Blobs } from '../jobs/blobs.ts'
import type { JobBus } from '../jobs/events.ts'
import type { Catalog } from '../target/catalog.ts'
import type { TargetClient } from '../target/client.ts'
import type { LoadedModels } from '../target/loaded-models.ts'
import type { Reachability } from '../target/reachability.ts'
import type { TargetVersion } from '../target/target-version.ts'
import type { Telemetry } from '../telemetry.ts'
import type { AttachedCalls } from './answer.ts'
import type { ChronicleParts } from './chronicle.ts'
import type { ContextPolicy } from './context-policy.ts'
import type { DispatcherParts } from './dispatcher.ts'
import type { EmbedRules } from './embed-lane.ts'
import type { IntakeParts } from './intake.ts'
import type { SilenceLimits } from './relay.ts'
import type { SwapOptions } from './swap.ts'

/** What the queue works with. Times in ms. */
export interface JobQueueParts
  extends Pick<DispatcherParts, 'db' | 'store' | 'waiting' | 'rules' | 'retry'>,
    Pick<ChronicleParts, 'stoppages' | 'historyMs'>,
    Omit<IntakeParts, 'laneOf'> {
  readonly attached: AttachedCalls
  readonly contexts: ContextPolicy
  readonly blobs: Blobs
  readonly client: TargetClient
  readonly catalog: Catalog
  readonly loadedModels: LoadedModels
  readonly reachability: Reachability
  readonly targetVersion: TargetVersion
  readonly swap: SwapOptions
  readonly embed: EmbedRules
  readonly silence: SilenceLimits
  readonly telemetry: Telemetry
  readonly log: FastifyBaseLogger
  readonly bus: JobBus
}

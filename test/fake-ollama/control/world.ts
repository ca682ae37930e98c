/**
 * Everything that a reset replaces: settings, installed models, scheduler, logs.
 */
import { Catalog } from '../catalog/catalog.ts'
import { type FakeConfig, patchConfig } from '../config.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import { Recorder } from './recorder.ts'
import { RequestLog } from './request-log.ts'

/** One life of the fake, from its start or a reset to the next. */
export class World {
  config: FakeConfig
  catalog: Catalog
  readonly recorder: Recorder
  readonly requests: RequestLog
  readonly scheduler: Scheduler

  constructor(config: FakeConfig) {
    // Faults count down, so each world has its own.
    this.config = { ...config, faults: structuredClone(config.faults) }
    this.catalog = new Catalog(config.models)
    this.recorder = new Recorder(() => this.config)
    this.requests = new RequestLog(() => this.config)
    this.scheduler = new Scheduler(() => this.config, this.recorder)
  }

  /** Changes settings from now on; `models` replaces what is installed, residents stay. @throws {Error} on an unknown key. */
  configure(patch: Partial<FakeConfig>): void {
    this.config = patchConfig(this.config, patch)
    if (patch.models !== undefined) {
      this.catalog = new Catalog(patch.models)
      this.recorder.event('catalog', undefined, undefined, 'replaced')
    }
  }
}

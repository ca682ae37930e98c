/** Follows the queue by its events, so that there is something to look at while it works. */
import type { JobBus, JobEvent } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'

/** How one model stands. */
export interface ModelState {
  memory: 'out' | 'loading' | 'loaded'
  waiting: number
  done: number
  /** Ended in any other way. */
  failed: number
  loads: number
}

/** The state of every model, by its name, kept true by the event log. */
export class Board {
  readonly models: ReadonlyMap<string, ModelState>
  /** The job on the target. */
  running: Job | undefined

  constructor(names: readonly string[], bus: JobBus) {
    this.models = new Map(names.map(name => [name, newState()]))
    bus.on('event', (event, job) => this.#follow(event, job))
  }

  /** One figure over all models. */
  total(figure: 'waiting' | 'done' | 'failed' | 'loads'): number {
    return [...this.models.values()].reduce((sum, state) => sum + state[figure], 0)
  }

  #follow({ type }: JobEvent, job: Job): void {
    const state = this.models.get(job.model)
    if (state === undefined) return
    if (job.state === 'queued') state.waiting++
    else if (job.previousState === 'queued') state.waiting--
    if (type === 'job.loading' || type === 'job.working') this.#onTarget(state, job)
    if (!hasEnded(job.state)) return
    if (this.running?.id === job.id) this.running = undefined
    state[job.state === 'done' ? 'done' : 'failed']++
  }

  #onTarget(state: ModelState, job: Job): void {
    this.running = job
    if (job.previousState === 'loading') state.loads++
    for (const other of this.models.values()) other.memory = 'out'
    state.memory = job.state === 'loading' ? 'loading' : 'loaded'
  }
}

function newState(): ModelState {
  return { memory: 'out', waiting: 0, done: 0, failed: 0, loads: 0 }
}

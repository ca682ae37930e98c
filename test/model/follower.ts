/** Follows jobs by long-poll as a client does, from one version to the next, also over restarts. */
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'
import { isEnd, type Sightings } from './sightings.ts'
import type { World } from './world.ts'

/** Followers of the jobs of one world. */
export class Followers {
  readonly #world: World
  readonly #sightings: Sightings
  readonly #following = new Map<string, Promise<void>>()
  #over = false

  constructor(world: World, sightings: Sightings) {
    this.#world = world
    this.#sightings = sightings
  }

  /** Begins to follow a job, once. */
  follow(id: string): void {
    if (this.#following.has(id)) return
    const following = this.#follow(id)
    this.#following.set(id, following)
    // It is told in `done`; until then nobody waits for it.
    following.catch(() => {})
  }

  /** No more questions than those on their way. */
  leave(): void {
    this.#over = true
  }

  /** Settles when all have left. @throws what a follower saw amiss */
  async done(): Promise<void> {
    await Promise.all(this.#following.values())
  }

  async #follow(id: string): Promise<void> {
    for (let known = '"0"'; !this.#over; ) {
      const told = await this.#world.ask<JobObject>('GET', `/jobs/${id}`, {
        headers: { prefer: 'wait=60', 'if-none-match': known }
      })
      // Between two lives; or it was deleted meanwhile.
      if (told === undefined) await yieldToOthers()
      else if (told.status !== 200) return
      else {
        this.#sightings.see('long-poll', told.body)
        known = told.headers.get('etag')!
        if (isEnd(told.body.state)) return
      }
    }
  }
}

/** A foreman whose followers a test looks into; time passes for them when the test says so. */

import type { TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { type Caller, soleCaller } from '../../../core/access/caller.ts'
import type { Filter } from '../../../core/follow/feeds.ts'
import type { Follower, Sink } from '../../../core/follow/follower.ts'
import type { LiveEvent } from '../../../core/follow/live-event.ts'
import type { JobEvent } from '../../../core/jobs/events.ts'
import type { FakeConfig } from '../../fake-ollama/start.ts'
import type { SettingsPart } from '../../helpers/foreman.ts'
import { startRig } from '../../strength/support/rig.ts'

/** Keeps what it is given. */
export class Ear implements Sink {
  isFull = false
  readonly stored: JobEvent[] = []
  readonly told: LiveEvent[] = []
  event(event: JobEvent): void {
    this.stored.push(event)
  }
  gap(): void {}
  ended(): void {}
  live(event: LiveEvent): void {
    this.told.push(event)
  }

  /** What each of its positions was. */
  get positions(): unknown[] {
    return this.told.filter(({ type }) => type === 'queue.position').map(({ data }) => data.position)
  }
}

/** How to follow. */
export interface Follow {
  ofJob(id: string, sink?: Sink): Follower
  ofAll(sink: Sink, filter?: Filter, caller?: Caller): Follower
}

/** Starts one with these settings; nothing of its own comes by within a test. From here on the clock stands. */
export async function startStage(
  t: TestContext,
  fakeConfig: Partial<FakeConfig> = {},
  settings: SettingsPart = {}
) {
  // First of all, so that foreman ends the timers that it made before with what they were made with.
  t.after(() => t.mock.timers.reset())
  const quiet = { poll: { ps_s: 5 }, retention: { sweep_interval_s: 3600 } }
  const rig = await startRig(t, fakeConfig, { ...quiet, ...settings })
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() })
  /** Lets seconds pass, one after another. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      t.mock.timers.tick(1000)
      await handedOut()
    }
  }
  return { ...rig, pass, follow: follow(rig.app) }
}

/** All that was told has reached everybody: a few turns of the event loop. */
async function handedOut(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await turn()
}

function follow(app: FastifyInstance): Follow {
  return {
    ofJob: (id, sink = new Ear()) => app.followers.ofJob(app.jobs.get(id)!, 'latest', sink),
    ofAll: (sink, filter = {}, caller = soleCaller) => app.followers.ofAll(caller, filter, 'latest', sink)
  }
}

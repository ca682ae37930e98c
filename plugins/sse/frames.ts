/**
 * What goes over the wire, as bytes. That of an event is made once, however many connections it goes out on.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
import type { FastifyInstance } from 'fastify'
import { idAmongAll, idInJob } from '../../core/follow/event-ids.ts'
import type { Gap } from '../../core/follow/feeds.ts'
import type { LiveEvent } from '../../core/follow/live-event.ts'
import type { JobEvent } from '../../core/jobs/events.ts'

/** Why a stream ends. Anything but `terminal`: its client comes back with the last id it had. */
export type EndReason = 'terminal' | 'max_duration' | 'shutdown' | 'token_revoked'

/** What is sent in silence: a comment keeps proxies awake, an event is seen by scripts too. */
export type Heartbeat = 'comment' | 'event'

/** Makes the bytes of events for one sort of stream. */
export interface Frames {
  of(event: JobEvent): Buffer
  /** Of what is not stored. It has no id: whoever comes back does so behind what is. */
  ofLive(event: LiveEvent): Buffer
}

/** How long a client waits before it connects again. */
const retryMs = 2000

/** The first words: a proxy or a browser that waits for bytes has some. */
export const hello = Buffer.from(`retry: ${retryMs}\n: foreman\n\n`)

/** By what was asked for. */
export const heartbeats: Readonly<Record<Heartbeat, Buffer>> = {
  comment: Buffer.from(':\n\n'),
  event: frame({ event: 'ping', data: '{}' })
}

/** Frames of events, for streams of one job and of all. They differ in the id alone. */
export function eventFrames(app: Pick<FastifyInstance, 'eventObjects' | 'epochs'>): {
  readonly inJob: Frames
  readonly amongAll: Frames
} {
  const { eventObjects, epochs } = app
  const withId = (idOf: (event: JobEvent) => string) =>
    madeOnce((event: JobEvent) =>
      frame({ id: idOf(event), event: event.type, data: eventObjects.textOf(event) })
    )
  const ofLive = madeOnce((event: LiveEvent) =>
    frame({ event: event.type, data: eventObjects.liveTextOf(event) })
  )
  return {
    inJob: { of: withId(idInJob), ofLive },
    amongAll: { of: withId(event => idAmongAll(event, epochs.current)), ofLive }
  }
}

/** Something is missing here. It has no id, so that a client that comes back does so from before it. */
export function gapFrame({ oldestSeq, snapshotSeq }: Gap): Buffer {
  const data = JSON.stringify({ oldest_seq: oldestSeq, snapshot_seq: snapshotSeq })
  return frame({ event: 'stream.gap', data })
}

/** The last words. */
export function endFrame(reason: EndReason): Buffer {
  return frame({ event: 'stream.end', data: JSON.stringify({ reason }) })
}

/** Values without an end of line: ids and types have none, and JSON of one line neither. */
function frame(fields: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
  return Buffer.from(`${lines.join('')}\n`)
}

function madeOnce<Event extends object>(make: (event: Event) => Buffer): (event: Event) => Buffer {
  const made = new WeakMap<Event, Buffer>()
  return event => {
    const known = made.get(event) ?? make(event)
    made.set(event, known)
    return known
  }
}

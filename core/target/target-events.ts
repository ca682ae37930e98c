/**
 * What happens at the target, for whoever wants to hear it: models that come and go, on its disk and in its memory, and
 * whether it is there at all. Told once for each change, kept nowhere.
 */
import { EventEmitter } from 'node:events'

interface ModelWords {
  /** The name, as the target lists it. */
  readonly model: string
  /** Digest of its manifest. */
  readonly digest: string
}

interface LoadedWords extends ModelWords {
  readonly size_bytes: number
  readonly vram_bytes: number
  /** Tokens; null from servers that do not tell. */
  readonly context_length: number | null
}

/** What each type of event tells. */
export interface TargetEventData {
  /** A name is installed, or stands for another manifest now: then `replaces` is the digest it had. */
  'model.added': ModelWords & { readonly size_bytes: number; readonly replaces: string | null }
  'model.removed': ModelWords
  /** A runner is in memory that was not at the last look. */
  'model.loaded': LoadedWords & { readonly by_foreman: boolean }
  'model.unloaded': ModelWords
  /** The target answers, for the first time or again; or it did all along and is of another version now. */
  'target.up': { readonly version: string | null; readonly previous_version: string | null }
  /** It does not answer any more. `reason`: a kind of `TargetError`. */
  'target.down': { readonly reason: string; readonly detail: string }
  /** A runner is in memory that foreman did not load: somebody goes around the queue. Once for each appearance. */
  'target.bypass': LoadedWords
}

/** The types of events. */
export type TargetEventType = keyof TargetEventData

/** One event, as it goes on the wire. */
export type TargetEvent = {
  [Type in TargetEventType]: {
    readonly type: Type
    /** RFC 3339, UTC. */
    readonly created_at: string
    readonly data: TargetEventData[Type]
  }
}[TargetEventType]

/** Tells everybody who listens, at once. A listener must not throw. */
export class TargetEvents extends EventEmitter<{ event: [event: TargetEvent] }> {
  /** Makes the event and tells it. */
  tell<Type extends TargetEventType>(type: Type, data: TargetEventData[Type]): void {
    this.emit('event', { type, created_at: new Date().toISOString(), data } as TargetEvent)
  }
}

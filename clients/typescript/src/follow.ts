/** Follows one job through cuts, restarts and the end of connections. Source: docs/http-api.md, "Following jobs". */
import { ForemanConnectionError } from './errors.ts'
import { isEnd, type JobEvent } from './events.ts'
import { broken, eitherOf, type Http } from './http.ts'
import { Patience } from './retry.ts'
import { type Frame, framesOf } from './sse.ts'

/** How to follow. */
export interface FollowOptions {
  /** Only events with a higher `seq`; `latest`: only what comes once it is connected. Defaults to 0, the whole story. */
  after?: number | 'latest'
  /** Stops following; the job goes on. */
  signal?: AbortSignal
}

/** A living stream says something every 15 s, if only a comment. */
const longestSilenceMs = 45_000
/** A connection that held so long was no failure, whatever came of it. */
const longLivedMs = 10_000

/** Where the next connection goes on. */
interface Place {
  lastEventId?: string
  seq: number
}

/** What a connection has ended with; undefined where the job has ended. */
type End = { readonly reason: string } | undefined

/**
 * The events of a job, each once and in order, up to its last; ends at once where there are none.
 * @throws {ForemanError} where it is refused {ForemanConnectionError} after `maxOutageS` without foreman
 */
export async function* follow(
  http: Http,
  jobId: string,
  { after = 0, signal }: FollowOptions = {}
): AsyncGenerator<JobEvent, void, undefined> {
  const patience = new Patience(http.rules, http.rules.maxOutageS)
  const place: Place = { seq: after === 'latest' ? 0 : after }
  for (;;) {
    const begunMs = performance.now()
    try {
      const connection = connect(http, jobId, after, place, signal)
      const end = yield* told(connection, place, patience)
      if (end === undefined) return
      if (end.reason !== 'max_duration') throw new ForemanConnectionError(`the stream ended: ${end.reason}`)
    } catch (err) {
      if (performance.now() - begunMs > longLivedMs) patience.renew()
      await patience.pause(err, signal)
    }
  }
}

/** The frames of one connection. */
async function* connect(
  http: Http,
  jobId: string,
  after: number | 'latest',
  { lastEventId }: Place,
  signal: AbortSignal | undefined
): AsyncGenerator<Frame> {
  const silence = new Watchdog(longestSilenceMs)
  const headers = { accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) }
  // The header wins over the query, so that the latter may stay.
  const query = after === 0 ? {} : { after }
  const stop = eitherOf(silence.signal, signal)
  try {
    const answer = await http.once(`/jobs/${encodeURIComponent(jobId)}/events`, {
      headers,
      query,
      signal: stop
    })
    // 204: all of it was had.
    if (answer.status === 204 || answer.body === null) yield { event: 'stream.end', data: allTold }
    else yield* framesOf(answer.body, () => silence.renew())
  } catch (err) {
    signal?.throwIfAborted()
    if (silence.signal.aborted) throw new ForemanConnectionError('the stream has gone silent', err)
    if (err instanceof Error && err.name.startsWith('Foreman')) throw err
    broken(err)
  } finally {
    silence.stop()
  }
}

const allTold = '{"reason":"terminal"}'

async function* told(
  frames: AsyncGenerator<Frame>,
  place: Place,
  patience: Patience
): AsyncGenerator<JobEvent, End, undefined> {
  for await (const frame of frames) {
    if (frame.event === 'stream.end') return endOf(frame)
    const event = eventOf(frame)
    // Behind a gap the store may have been put back to a time before: its numbers begin there anew.
    if (event.type === 'stream.gap') place.seq = 0
    if (!isNews(event, place)) continue
    if (event.seq !== undefined) patience.renew()
    place.seq = event.seq ?? place.seq
    place.lastEventId = frame.id ?? place.lastEventId
    yield event
    if (isEnd(event)) return undefined
  }
  return { reason: 'cut' }
}

/** The event of a frame. What is not shaped as foreman's events are has its data as it came. */
function eventOf({ event, data }: Frame): JobEvent {
  const value = contentOf(data)
  const isWhole = typeof value === 'object' && value !== null && 'type' in value
  return isWhole ? (value as JobEvent) : { type: event, data: value }
}

function endOf({ data }: Frame): End {
  const { reason } = (contentOf(data) ?? {}) as { reason?: unknown }
  return reason === 'terminal' ? undefined : { reason: String(reason) }
}

/** Text that is no JSON is itself. */
function contentOf(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return data
  }
}

// What is not stored has no number, and is news always.
function isNews({ seq }: JobEvent, place: Place): boolean {
  return seq === undefined || seq > place.seq
}

/** Aborts when nothing has renewed it for so long. */
class Watchdog {
  readonly #controller = new AbortController()
  readonly #limitMs: number
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.renew()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  renew(): void {
    this.stop()
    this.#timer = setTimeout(() => this.#controller.abort(), this.#limitMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

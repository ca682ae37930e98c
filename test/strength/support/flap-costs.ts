/** Holds the attempts that were used up against what was really cut, by the fake's own record. */
import assert from 'node:assert/strict'
import { readRecord, type Seen } from './fake-record.ts'
import type { Return } from './watched-order.ts'

/** One time of the target away, ms since 1970. */
export interface Flap {
  readonly goneAt: number
  /** From here on nothing reached it. */
  downAt: number
  /** Foreman knows that it is back. */
  upAt: number
  readonly killed: boolean
}

/** How often an attempt ended with the target. */
export interface Cost {
  /** Attempts used up, in a run and in a load. */
  readonly chargedRuns: number
  readonly chargedLoads: number
  /** Of them those of which the fake never saw a request: it was on its way when the target left. */
  readonly unseen: number
  /** Runs that the fake had answered, but the answer never came through. */
  readonly answeredInVain: number
  /** Runs whose answer came through whole, though the fake was killed before it noted so. */
  readonly unnoted: number
  /** Jobs that came back without an attempt used up: nothing was sent. */
  readonly free: number
}

const chat = 'POST /api/chat'
const lane = new Set(['POST /api/generate', 'GET /api/ps', 'GET /api/tags', 'POST /api/show'])

/** @throws {AssertionError} where an attempt was used up for nothing, twice for one flap, or not although it was cut */
export function costOf(
  file: string,
  flaps: readonly Flap[],
  returns: readonly (Return & { tag: string })[],
  doneAt: ReadonlyMap<string, number>
): { charges: ReadonlyMap<string, number>; figures: Cost } {
  const record = readRecord(file)
  const charged = returns.filter(one => one.charged)
  const figures = {
    chargedRuns: 0,
    chargedLoads: 0,
    unseen: 0,
    answeredInVain: 0,
    unnoted: 0,
    free: returns.length - charged.length
  }
  const charges = new Map<string, number>()
  for (const [index, flap] of flaps.entries()) {
    const next = flaps[index + 1]?.goneAt ?? Number.POSITIVE_INFINITY
    const here = charged.filter(({ at }) => at >= flap.goneAt && at < next)
    const since = flaps[index - 1]?.downAt ?? 0
    const seen = record.filter(({ at }) => at >= since && at < flap.downAt)
    assert.ok(here.length <= 1, `${here.length} attempts used up by one flap`)
    const cut = seen.filter(one => !one.answered && one.what === chat && one.body !== undefined).map(tagOf)
    for (const tag of cut) {
      if (here[0]?.tag === tag) continue
      // The whole answer had been written; the target was killed before it could note that.
      const told = `${tag} was cut, not charged, and done ${doneAt.get(tag)! - flap.goneAt} ms after it`
      assert.ok(doneAt.get(tag)! >= since && doneAt.get(tag)! < flap.upAt && flap.killed, told)
      figures.unnoted += 1
    }
    for (const one of here) {
      charges.set(one.tag, (charges.get(one.tag) ?? 0) + 1)
      count(figures, one, seen)
    }
  }
  assert.equal(
    [...charges.values()].reduce((a, b) => a + b, 0),
    charged.length,
    'charged without a flap'
  )
  return { charges, figures }
}

function count(
  figures: { -readonly [K in keyof Cost]: Cost[K] },
  { from, tag }: Return & { tag: string },
  seen: readonly Seen[]
): void {
  if (from === 'working') {
    figures.chargedRuns += 1
    const own = seen.filter(one => one.what === chat && tagOf(one) === tag)
    if (own.length === 0) figures.unseen += 1
    else if (own.every(one => one.answered)) figures.answeredInVain += 1
    return
  }
  figures.chargedLoads += 1
  if (!seen.some(one => !one.answered && lane.has(one.what))) figures.unseen += 1
}

function tagOf({ body }: Seen): string {
  const [first] = (body?.messages ?? []) as { content: string }[]
  return first?.content ?? ''
}

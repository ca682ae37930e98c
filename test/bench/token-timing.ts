/**
 * Whether the time of a refusal tells an id that exists from one that does not.
 *
 * Wrong secrets are verified for both kinds in turn, in one process and on one store, so that whatever slows the machine
 * slows both alike. Compared are medians, since interruptions only ever make a single time longer; beside their
 * difference stands that between two halves of the same kind, which is what chance alone makes.
 */
import { openStore } from '../../core/database/open.ts'
import { newId } from '../../core/jobs/ids.ts'
import { TokenStore } from '../../plugins/auth/token-store.ts'
import { makeTokenText } from '../../plugins/auth/token-text.ts'
import { type Figure, median } from './figures.ts'
import type { Bench, Scenario } from './scenario.ts'

const warmUp = 50_000
const rounds = 200_000
const known = 1000

/** 200 000 of each kind, after a warm-up, with 1 000 tokens in the store. */
export const tokenTiming: Scenario = {
  name: 'token-timing',
  title: 'refusing a wrong secret of a known id, and one of an unknown id',
  async run(bench: Bench): Promise<Figure[]> {
    const store = openStore(bench.directory())
    const tokens = new TokenStore(store.db, store.secrets)
    const draft = { name: 'bench', scopes: ['inference'], limits: {} } as const
    const ids = Array.from({ length: known }, () => tokens.create(draft).token.id)
    const wrong = {
      known: ids.map(id => makeTokenText(id).text),
      unknown: ids.map(() => makeTokenText(newId('tok')).text)
    }
    const timed = (text: string) => {
      const began = process.hrtime.bigint()
      tokens.verify(text, 0)
      return Number(process.hrtime.bigint() - began) / 1000
    }
    const times = { known: [] as number[], unknown: [] as number[] }
    for (let n = 0; n < warmUp + rounds; n += 1) {
      // Which of them is first changes, so that neither always finds the caches as the other left them.
      for (const kind of n % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)) {
        const us = timed(wrong[kind][n % known]!)
        if (n >= warmUp) times[kind].push(us)
      }
    }
    store.close()
    return figures(times.known, times.unknown)
  }
}

function figures(knownUs: number[], unknownUs: number[]): Figure[] {
  const [a, b] = [median(knownUs), median(unknownUs)]
  const half = knownUs.length / 2
  return [
    { what: 'a known id, p50', value: a, unit: 'µs' },
    { what: 'an unknown id, p50', value: b, unit: 'µs' },
    { what: 'difference of the two', value: Math.abs(a - b), unit: 'µs' },
    {
      what: 'difference of two halves of one',
      value: Math.abs(median(knownUs.slice(0, half)) - median(knownUs.slice(half))),
      unit: 'µs'
    }
  ]
}

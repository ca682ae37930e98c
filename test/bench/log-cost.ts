/** What it costs to write a text down while it is passed on: attached calls with and without a log, in turn. */
import { chatCall } from './call.ts'
import type { Clients } from './clients.ts'
import { cpuOf } from './cpu.ts'
import { type Figure, median } from './figures.ts'

/** One way to speak. */
export interface Spoken {
  readonly tokens: number
  /** Pause of the target before each token; 0 is a flood. */
  readonly delayMs: number
  /** Blocks of two calls on each side. */
  readonly rounds: number
}

const callsPerRound = 2

/** The same call with a log (it goes on without its caller) and without one, block by block. */
export async function logFigures(
  clients: Clients,
  url: string,
  name: string,
  { tokens, delayMs, rounds }: Spoken
): Promise<Figure[]> {
  const isFlood = delayMs === 0
  const sides = ['cancel', 'continue'].map(way => ({
    call: chatCall('small', { stream: true, tokens, headers: { 'foreman-on-disconnect': way } }),
    ...{ totalMs: [] as number[], transitMs: [] as number[], cpuMs: [] as number[] }
  }))
  // The first block of each is thrown away.
  for (let round = -1; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const before = await cpuOf(url)
      const [result] = await clients.rounds({ urls: [url], call: side.call, rounds: 1, callsPerRound })
      const cpuMs = (((await cpuOf(url)) - before) * 1000) / callsPerRound
      if (round < 0) continue
      side.totalMs.push(...result!.totalMs)
      side.transitMs.push(...result!.transitMs)
      side.cpuMs.push(cpuMs)
    }
  }
  const chunks = tokens + 1
  const adds = (of: 'totalMs' | 'transitMs' | 'cpuMs') => median(sides[1]![of]) - median(sides[0]![of])
  return [
    // Paced, the whole is the target's pauses; in a flood nobody waits for a single chunk.
    {
      what: `the log adds to a chunk, ${name}`,
      value: isFlood ? adds('totalMs') / chunks : adds('transitMs'),
      unit: 'ms',
      reach: { atMost: 0.1 }
    },
    {
      what: `processor time of foreman for the log of a chunk, ${name}`,
      value: adds('cpuMs') / chunks,
      unit: 'ms',
      reach: { atMost: 0.1 }
    }
  ]
}

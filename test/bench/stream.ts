/** What foreman adds to a streamed answer: to its first byte, to each chunk, and to a flood of chunks. */
import { spawnForeman } from '../helpers/foreman.ts'
import { chatCall } from './call.ts'
import { startClients } from './clients.ts'
import { type Figure, median } from './figures.ts'
import type { RoundsResult } from './load-generator.ts'
import { startBareForwarder, startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'

const paced = { tokens: 20, delayMs: 2, rounds: 20, callsPerRound: 10 }
const flood = { tokens: 500, delayMs: 0, rounds: 10, callsPerRound: 5 }

/** 4 000 records paced as a model speaks, 25 000 as fast as they come, on each way. */
export const stream: Scenario = {
  name: 'stream',
  title: 'streamed chat: first byte and chunks, direct, through a bare forwarder, through foreman',
  async run(bench: Bench): Promise<Figure[]> {
    const target = await startTarget(bench, { models: [{ name: 'small' }] })
    const bare = await startBareForwarder(bench, target.url)
    const dataDir = bench.directory()
    const foreman = await spawnForeman(bench, { target: target.url, dataDir, execArgv: bench.execArgv })
    const clients = startClients(bench)
    const urls = [target.url, bare, foreman.url]
    async function run({ tokens, delayMs, ...size }: typeof paced): Promise<RoundsResult[]> {
      await target.configure({ token_delay_ms: delayMs })
      return clients.rounds({ urls, call: chatCall('small', { stream: true, tokens }), ...size })
    }
    await run({ ...flood, rounds: 4 })
    const spoken = await run(paced)
    const poured = await run(flood)
    await foreman.kill('SIGTERM')
    return [...pacedFigures(spoken), ...floodFigures(poured)]
  }
}

function pacedFigures([direct, forwarded, queued]: RoundsResult[]): Figure[] {
  const firstByte = (side: RoundsResult) => median(side.firstByteMs) - median(direct!.firstByteMs)
  const perChunk = (side: RoundsResult) => median(side.transitMs) - median(direct!.transitMs)
  const moved = queued!.otherChunks + Math.abs(queued!.transitMs.length - direct!.transitMs.length)
  return [
    { what: 'direct, first byte, p50', value: median(direct!.firstByteMs), unit: 'ms' },
    { what: 'bare forwarder adds to the first byte, p50', value: firstByte(forwarded!), unit: 'ms' },
    {
      what: 'foreman adds to the first byte, p50',
      value: firstByte(queued!),
      unit: 'ms',
      reach: { atMost: 1 }
    },
    { what: 'bare forwarder adds to a chunk, p50', value: perChunk(forwarded!), unit: 'ms' },
    { what: 'foreman adds to a chunk, p50', value: perChunk(queued!), unit: 'ms', reach: { atMost: 0.1 } },
    { what: 'chunk boundaries moved', value: moved, unit: '', reach: { atMost: 0 } }
  ]
}

function floodFigures([direct, forwarded, queued]: RoundsResult[]): Figure[] {
  const perChunk = (side: RoundsResult) =>
    (median(side.totalMs) - median(direct!.totalMs)) / (flood.tokens + 1)
  return [
    { what: 'direct, a chunk of a flood', value: median(direct!.totalMs) / (flood.tokens + 1), unit: 'ms' },
    { what: 'bare forwarder adds to a chunk of a flood', value: perChunk(forwarded!), unit: 'ms' },
    {
      what: 'foreman adds to a chunk of a flood',
      value: perChunk(queued!),
      unit: 'ms',
      reach: { atMost: 0.1 }
    }
  ]
}

/** Embeddings beside a long generation and the swaps after it: what they take through foreman, and what that costs the worker. */
import { spawnForeman } from '../helpers/foreman.ts'
import { type Call, chatCall } from './call.ts'
import { type Clients, startClients } from './clients.ts'
import { type Figure, median, quantile } from './figures.ts'
import type { Agent } from './load-generator.ts'
import { startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'

const clientCount = 16
/** Of a block. */
const callsEach = 63
const blocksEach = 2
/** Spreads the calls over the half minute that the generations of a block last. */
const thinkMs = 440
const generations = [
  { model: 'a', tokens: 1250 },
  { model: 'b', tokens: 75 },
  { model: 'c', tokens: 75 },
  { model: 'a', tokens: 75 }
]
const allTokens = generations.reduce((sum, { tokens }) => sum + tokens, 0)

/** Room for the embedder and one model: each swap has to unload the right one. */
const targetConfig = {
  max_loaded: 2,
  load_delay_ms: 500,
  models: [
    ...['a', 'b', 'c'].map(name => ({ name, token_delay_ms: 20 })),
    { name: 'embedder', capabilities: ['embedding' as const], prompt_delay_ms: 10 }
  ]
}

/** One way for the embeddings, all its blocks together. */
interface Side {
  readonly tookMs: number[]
  /** Of each block: what all its generations took. */
  readonly workerMs: number[]
}

/** The same twice: with embeddings sent straight to the target, and through foreman. */
export const embeds: Scenario = {
  name: 'embeds',
  title: `${clientCount * callsEach * blocksEach} embeddings from ${clientCount} clients beside a minute of generations on three models`,
  async run(bench: Bench): Promise<Figure[]> {
    const target = await startTarget(bench, targetConfig)
    const settings = { target: target.url, dataDir: bench.directory(), execArgv: bench.execArgv }
    const foreman = await spawnForeman(bench, settings)
    await target.waitFor('load', 1, { model: 'embedder:latest' })
    const [generating, embedding] = [startClients(bench), startClients(bench)]
    bench.note('four blocks of some 35 s')
    const [direct, through] = [newSide(), newSide()]
    const block = (side: Side, url: string) => runBlock(side, generating, embedding, foreman.url, url)
    // The way that was second is first then, so that drift of the machine hits both alike.
    await block(direct, target.url)
    await block(through, foreman.url)
    await block(through, foreman.url)
    await block(direct, target.url)
    const { loads_by_model: loads } = await target.state()
    await foreman.kill('SIGTERM')
    return figures(direct, through, loads['embedder:latest']!)
  }
}

function newSide(): Side {
  return { tookMs: [], workerMs: [] }
}

async function runBlock(side: Side, generating: Clients, embedding: Clients, foreman: string, url: string) {
  const calls = generations.map(({ model, tokens }) => chatCall(model, { stream: true, tokens }))
  const [worker, embeddings] = await Promise.all([
    generating.agents({ url: foreman, agents: [{ startMs: 0, thinkMs: 0, calls }] }),
    embedding.agents({ url, agents: Array.from({ length: clientCount }, client) })
  ])
  side.tookMs.push(...embeddings.map(({ sentMs, endedMs }) => endedMs - sentMs))
  side.workerMs.push(Math.max(...worker.map(({ endedMs }) => endedMs)))
}

/** One after another, so that they do not call in step. */
function client(_: unknown, index: number): Agent {
  return {
    startMs: (index * thinkMs) / clientCount,
    thinkMs,
    calls: Array.from({ length: callsEach }, embedCall)
  }
}

function embedCall(_: unknown, index: number): Call {
  return { path: '/api/embed', body: JSON.stringify({ model: 'embedder', input: `text ${index}` }) }
}

function figures(direct: Side, through: Side, loads: number): Figure[] {
  const p95 = ({ tookMs }: Side) => quantile(tookMs, 0.95)
  const speed = ({ workerMs }: Side) => (1000 * allTokens * blocksEach) / workerMs.reduce((a, b) => a + b)
  return [
    { what: 'an embedding, direct, p50', value: median(direct.tookMs), unit: 'ms' },
    { what: 'an embedding, direct, p95', value: p95(direct), unit: 'ms' },
    { what: 'through foreman, p50', value: median(through.tookMs), unit: 'ms' },
    { what: 'through foreman, p95', value: p95(through), unit: 'ms' },
    {
      what: 'p95, foreman over direct',
      value: p95(through) / p95(direct),
      unit: '×',
      reach: { atMost: 1.5 }
    },
    { what: 'tokens of the worker, embeddings direct', value: speed(direct), unit: '/s' },
    {
      what: 'tokens of the worker, embeddings through foreman over direct',
      value: speed(through) / speed(direct),
      unit: '×',
      reach: { atLeast: 0.95 }
    },
    { what: 'loads of the embedding model in all', value: loads, unit: '', reach: { atMost: 1 } }
  ]
}

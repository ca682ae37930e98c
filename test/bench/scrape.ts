/** What a scrape of `/metrics` costs with every label in use, nothing queued and a million jobs. */
import type { FakeOllama } from '../fake-ollama/start.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import { models } from './backlog.ts'
import { type Figure, median, quantile } from './figures.ts'
import { million, millionQueued } from './million.ts'
import { startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'

const scrapes = 300
const warmUps = 50
/** More models than there are labels. */
const others = Array.from({ length: 30 }, (_, index) => ({ name: `other-${index}` }))

/** One scrape after another, over one connection. */
export const scrape: Scenario = {
  name: 'scrape',
  title: 'GET /metrics, the series of 20 models and of all others, nothing and 1 000 000 queued',
  async run(bench: Bench): Promise<Figure[]> {
    // The first job never ends, so the queue stays as it is.
    const target = await startTarget(bench, {
      models: [...models, ...others].map(model => ({ ...model, prompt_delay_ms: 1e9 }))
    })
    const empty = await scrapeAll(bench, target, bench.directory())
    const full = await scrapeAll(bench, target, millionQueued(bench))
    return [
      { what: 'series', value: full.series, unit: '', reach: { atMost: 6000 } },
      { what: 'nothing queued, p50', value: median(empty.tookMs), unit: 'ms' },
      { what: '1 000 000 queued, p50', value: median(full.tookMs), unit: 'ms', reach: { atMost: 20 } },
      { what: '1 000 000 queued, p99', value: quantile(full.tookMs, 0.99), unit: 'ms', reach: { atMost: 20 } }
    ]
  }
}

interface Scrapes {
  readonly tookMs: number[]
  readonly series: number
}

async function scrapeAll(bench: Bench, target: FakeOllama, dataDir: string): Promise<Scrapes> {
  const settings = { queue: { max_queued: 2 * million } }
  const { execArgv } = bench
  const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings, execArgv })
  const tookMs: number[] = []
  let text = ''
  for (let count = -warmUps; count < scrapes; count += 1) {
    const beganAt = performance.now()
    text = await (await fetch(new URL('/metrics', foreman.url))).text()
    if (count >= 0) tookMs.push(performance.now() - beganAt)
  }
  await foreman.kill()
  return { tookMs, series: text.split('\n').filter(line => line !== '' && !line.startsWith('#')).length }
}

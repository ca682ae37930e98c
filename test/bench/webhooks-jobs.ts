/** The same jobs with and without webhooks to hostile receivers: what their jobs notice of it. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { FakeOllama } from '../fake-ollama/start.ts'
import { spawnForeman } from '../helpers/foreman.ts'
import { type ReceiverFarm, receiverNames } from '../receiver-farm/start.ts'
import { handIn } from '../strength/support/webhooks.ts'
import { models } from './backlog.ts'
import { type Figure, median } from './figures.ts'
import type { Bench } from './scenario.ts'
import { endedJobs } from './stored.ts'

const turns = 4
const jobs = 2 * receiverNames.length
const lookEveryMs = 100
/** Tokens of the jobs in turn: at 10 ms each, answers of 50 to 400 ms. */
const lengths = [5, 20, 10, 40]

/** What the target needs for it. */
export const mixedTarget = { models: [...models], token_delay_ms: 10 }

interface Run {
  readonly startMs: number[]
  readonly durationMs: number[]
}

/** A foreman each, in turns: all jobs are handed in at once, so that a start waits for the jobs before it. */
export async function jobFigures(bench: Bench, target: FakeOllama, farm: ReceiverFarm): Promise<Figure[]> {
  const without: Run[] = []
  const within: Run[] = []
  for (let turn = 1; turn <= turns; turn++) {
    bench.note(`${jobs} jobs without webhooks, ${jobs} with one each, turn ${turn} of ${turns}`)
    without.push(await runJobs(bench, target))
    within.push(await runJobs(bench, target, farm))
  }
  const of = (runs: Run[], what: keyof Run) => median(runs.flatMap(run => run[what]))
  const calls = Object.values(await farm.counts()).reduce((sum, { visits }) => sum + visits, 0)
  return [
    { what: 'a job without a webhook, p50', value: of(without, 'durationMs'), unit: 'ms' },
    { what: 'a job with a webhook to the farm, p50', value: of(within, 'durationMs'), unit: 'ms' },
    ratio('a job', of(within, 'durationMs') / of(without, 'durationMs')),
    { what: 'its start after it was handed in, without, p50', value: of(without, 'startMs'), unit: 'ms' },
    { what: 'its start, with, p50', value: of(within, 'startMs'), unit: 'ms' },
    ratio('its start', of(within, 'startMs') / of(without, 'startMs')),
    { what: 'calls of hostile receivers meanwhile', value: calls, unit: '' }
  ]
}

function ratio(what: string, value: number): Figure {
  return { what: `${what}, with webhooks over without`, value, unit: '×', reach: { atMost: 1.05 } }
}

async function runJobs(bench: Bench, target: FakeOllama, farm?: ReceiverFarm): Promise<Run> {
  const dataDir = bench.directory()
  const settings = { plugins: { webhooks: { allow: farm?.allow ?? [] } } }
  const { execArgv } = bench
  const foreman = await spawnForeman(bench, { target: target.url, dataDir, settings, execArgv })
  await handIn(
    foreman.url,
    Array.from({ length: jobs }, (_, index) => jobNumber(index, farm))
  )
  while (endedJobs(dataDir) < jobs) await sleep(lookEveryMs)
  await foreman.kill()
  return timesIn(dataDir)
}

function jobNumber(index: number, farm: ReceiverFarm | undefined): object {
  const model = models[index % models.length]!.name
  const options = { num_predict: lengths[index % lengths.length] }
  const url = farm?.url(receiverNames[index % receiverNames.length]!, `job/${index}`)
  return { request: { model, prompt: 'Why is the sky blue?', options }, ...(url && { webhook: { url } }) }
}

function timesIn(dataDir: string): Run {
  const db = new Database(join(dataDir, 'foreman.db'), { readonly: true })
  const query = "SELECT started_at - created_at, finished_at - started_at FROM job WHERE state = 'done'"
  const rows = db.prepare(query).raw().all() as [number, number][]
  db.close()
  if (rows.length !== jobs) throw new Error(`${rows.length} of ${jobs} jobs are done`)
  return { startMs: rows.map(([start]) => start), durationMs: rows.map(([, duration]) => duration) }
}

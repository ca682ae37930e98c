/**
 * `npm run demo`: foreman at work without a GPU.
 *
 * Starts a fake Ollama server and foreman before it, lets a mixed crowd of clients call three models of which one
 * fits into memory, and shows what that came to. Then it stays up to be tried, until Ctrl-C. Exits 1 when a job
 * failed or something does not add up.
 */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { Board } from './board.ts'
import { runCallers } from './callers.ts'
import { showProgress } from './display.ts'
import { faultsOf, readFigures, tables } from './report.ts'
import { type DemoServers, startServers } from './server.ts'
import { demoModels, planCallers } from './workload.ts'

const usage = `usage: npm run demo -- [--once] [--seed N] [--speed N]

  --once     end after the tables instead of staying up
  --seed N   another mix of calls (1); the same number gives the same mix
  --speed N  everything N times as fast (1)`

const options = {
  once: { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
  speed: { type: 'string', default: '1' },
  help: { type: 'boolean', default: false }
} as const

await main()

async function main(): Promise<void> {
  const args = readArguments()
  if (args === undefined) return
  const stop = stopOnSignals()
  const servers = await startServers(args.speed)
  try {
    const faults = await work(servers, args, stop)
    if (faults.length > 0) process.exitCode = 1
    if (args.once || stop.aborted) return
    console.log(invitation(servers.url))
    await once(stop, 'abort')
  } finally {
    await servers.close()
  }
}

/** Runs the crowd and prints what it came to. @returns what went wrong */
async function work(
  { app, fake, url }: DemoServers,
  { seed, speed }: { seed: number; speed: number },
  stop: AbortSignal
): Promise<string[]> {
  const callers = planCallers(seed)
  const calls = callers.reduce((sum, caller) => sum + caller.calls.length, 0)
  console.log(`foreman at ${url}, before a fake Ollama server at ${fake.url} with room for one model`)
  console.log(`${calls} calls to ${demoModels.length} models, seed ${seed}\n`)

  const board = new Board(
    demoModels.map(model => model.name),
    app.jobEvents
  )
  const endProgress = showProgress(board, calls, process.stdout)
  const failed = await runCallers(url, callers, speed, stop)
  endProgress()
  if (stop.aborted) return ['stopped before the end']

  const { loads, max_concurrent_generations: maxConcurrent } = await fake.state()
  const figures = readFigures(app.db)
  const faults = [
    ...faultsOf(figures, { loads, maxConcurrent }),
    ...failed.map(({ call, error }) => `${call.priority} ${call.route} on ${call.model}: ${error.message}`)
  ]
  console.log(`\n${tables(figures, { loads, maxConcurrent })}`)
  for (const fault of faults) console.error(`wrong: ${fault}`)
  return faults
}

function invitation(url: string): string {
  return `
foreman stays up until Ctrl-C. It answers as an Ollama server does; try

  curl -i ${url}/api/generate -H 'Foreman-Priority: batch' -d '{"model": "${demoModels[0]!.name}", "prompt": "Hello"}'
  curl ${url}/api/ps
  OLLAMA_HOST=${url} ollama list`
}

/** Aborted by the first Ctrl-C. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  return stop.signal
}

/** @returns undefined when only the usage is to be seen */
function readArguments(): { once: boolean; seed: number; speed: number } | undefined {
  try {
    const { values } = parseArgs({ options })
    if (values.help) return void console.log(usage)
    const [seed, speed] = [Number(values.seed), Number(values.speed)]
    if (Number.isSafeInteger(seed) && seed >= 0 && speed > 0) return { once: values.once, seed, speed }
  } catch {
    // An unknown option: the usage tells the known ones.
  }
  console.error(usage)
  process.exitCode = 1
}

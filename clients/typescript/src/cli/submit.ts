/** `foreman-jobs submit`: a job for each line of a file, once; with `--follow` its result too, once. */
import { type Foreman, ForemanError, type RetryOptions, type Submitted } from '../index.ts'
import {
  type Command,
  type CommandLine,
  foremanOf,
  readCommandLine,
  readInput,
  UsageError
} from './options.ts'
import { Progress } from './progress.ts'
import { type Prompt, readPrompts } from './prompts.ts'
import { ResultsFile, resultOf } from './results.ts'

const options = {
  model: { type: 'string' },
  priority: { type: 'string' },
  follow: { type: 'boolean' },
  out: { type: 'string' },
  concurrency: { type: 'string' }
} as const

const defaultConcurrency = 16

/** Hands in what is not there yet, and follows it where that is wanted. */
export const submit: Command = async (args, signal) => {
  const line = readCommandLine(args, options)
  const [file, ...more] = line.positionals
  if (file === undefined || more.length > 0) throw new UsageError('submit takes one file')
  const defaults = { model: line.text('model'), priority: line.text('priority') ?? 'batch' }
  const prompts = readPrompts(readInput(file), defaults)
  return line.has('follow') ? collect(line, file, prompts, signal) : handIn(line, prompts, signal)
}

async function handIn(line: CommandLine, prompts: Prompt[], signal: AbortSignal): Promise<number> {
  const progress = new Progress(prompts.length, 0)
  const foreman = foremanOf(line, patient(progress))
  for await (const one of foreman.submitMany(jobsOf(prompts), { signal })) {
    const { line } = prompts[one.index]!
    if (one.error === undefined) {
      const { id: job_id, replayed } = one
      process.stdout.write(`${JSON.stringify({ line, job_id, replayed })}\n`)
    } else tellRefused(progress, line, one)
    progress.ended(one.error === undefined)
  }
  progress.end()
  return progress.failed > 0 ? 1 : 0
}

async function collect(
  line: CommandLine,
  file: string,
  prompts: Prompt[],
  signal: AbortSignal
): Promise<number> {
  const concurrency = readConcurrency(line)
  const path = line.text('out') ?? `${file.replace(/\.[^./\\]*$/, '')}.results.ndjson`
  if (path === file) throw new UsageError('the results would be written over the prompts')
  const results = new ResultsFile(path)
  const open = prompts.filter(({ key }) => !results.keys.has(key))
  const progress = new Progress(prompts.length, prompts.length - open.length)
  if (open.length < prompts.length) progress.say(`${prompts.length - open.length} results are there already`)
  try {
    const foreman = foremanOf(line, patient(progress))
    await run(foreman, open, { results, progress, concurrency }, signal)
  } catch (err) {
    if (signal.aborted) progress.say('interrupted; the same command goes on from here')
    throw err
  } finally {
    progress.end()
    results.close()
  }
  return progress.failed > 0 ? 1 : 0
}

interface Run {
  readonly results: ResultsFile
  readonly progress: Progress
  readonly concurrency: number
}

/** Waits for the first while the last are handed in. */
async function run(
  foreman: Foreman,
  open: Prompt[],
  { results, progress, concurrency }: Run,
  signal: AbortSignal
) {
  const failure = new AbortController()
  const stop = AbortSignal.any([signal, failure.signal])
  const inTurn = limiter(concurrency)
  const waits: Promise<void>[] = []
  const follow = async (prompt: Prompt, id: string): Promise<void> => {
    const result = await foreman
      .wait(id, { signal: stop })
      .then(ended => resultOf(foreman, prompt, ended, stop))
      .catch(unlessGone)
    if (result === undefined)
      progress.say(`line ${prompt.line}: ${id} was removed before its result was fetched`)
    else results.add(result)
    if (result?.error) progress.say(`line ${prompt.line}: ${id} is ${result.state}: ${result.error.message}`)
    progress.ended(result?.state === 'done')
  }
  for await (const one of foreman.submitMany(jobsOf(open), { signal: stop })) {
    progress.back()
    const prompt = open[one.index]!
    if (one.error === undefined) {
      // One that fails for good stops all others, and is thrown below.
      waits.push(inTurn(() => follow(prompt, one.id)).catch(err => failure.abort(err)))
    } else {
      tellRefused(progress, prompt.line, one)
      progress.ended(false)
    }
  }
  await Promise.all(waits)
  stop.throwIfAborted()
}

/** Somebody has removed the job: that is one line's trouble. @throws everything else */
function unlessGone(err: unknown): undefined {
  if (!(err instanceof ForemanError && (err.status === 404 || err.status === 410))) throw err
}

function* jobsOf(prompts: Prompt[]): Generator<Prompt['job']> {
  for (const { job } of prompts) yield job
}

/** Bears that foreman is away until somebody interrupts it, and says so. */
function patient(progress: Progress): RetryOptions {
  const onRetry: RetryOptions['onRetry'] = ({ error }) =>
    progress.away(error instanceof ForemanError ? error.message : `foreman is away: ${error.message}`)
  return { limitS: Number.POSITIVE_INFINITY, maxOutageS: Number.POSITIVE_INFINITY, maxDelayS: 5, onRetry }
}

function tellRefused(progress: Progress, line: number, { error }: Submitted): void {
  const { pointer, detail, code } = error!
  progress.say(`line ${line} was refused: ${pointer ? `${pointer} ` : ''}${detail} (${code})`)
}

function readConcurrency(line: CommandLine): number {
  const text = line.text('concurrency')
  const number = text === undefined ? defaultConcurrency : Number(text)
  if (Number.isInteger(number) && number > 0) return number
  throw new UsageError('--concurrency is a whole number from 1')
}

/** Runs so many at a time, in the order in which they come. */
function limiter(most: number): (run: () => Promise<void>) => Promise<void> {
  const waiting: (() => void)[] = []
  let running = 0
  return async run => {
    if (running === most) await new Promise<void>(resolve => waiting.push(resolve))
    else running += 1
    try {
      await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

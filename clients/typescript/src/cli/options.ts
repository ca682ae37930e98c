/** What all commands have in common: where foreman is, who asks, and the help. */
import { readFileSync } from 'node:fs'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { Foreman, type RetryOptions } from '../index.ts'

/** The command line, or what it names, is wrong: exit code 2. */
export class UsageError extends Error {}

/** Does one command. @returns the exit code */
export type Command = (args: string[], signal: AbortSignal) => Promise<number>

/** Shown by `--help`. */
export const help = `foreman-jobs: many prompts through foreman

  foreman-jobs submit prompts.ndjson --model llama3.2 [--follow] [--out results.ndjson]
  foreman-jobs watch <job id>
  foreman-jobs cancel <job id>…
  foreman-jobs top [--once]

submit hands in a job for each line of a file: a prompt ("…"), {"prompt": …}, {"messages": …} or a whole job. The same
command again goes on where it was: no line becomes two jobs, and none has two results.
  --model <name>       for lines that name none
  --priority <class>   for lines that name none: interactive, normal or batch (the default)
  --follow             waits for the results and writes each as a line of --out
  --out <file>         defaults to the name of the file with .results.ndjson in place of its ending
  --concurrency <n>    results that are waited for at a time; defaults to 16

watch prints the text of a job as it is written. cancel cancels jobs. top shows the queue, anew every two seconds on a
terminal; --once shows it once.

  --url <url>          where foreman is; defaults to $FOREMAN_URL, else http://127.0.0.1:8080
  --token-file <file>  has the token; defaults to $FOREMAN_TOKEN itself, else none is sent

Exit codes: 0 everything is done; 1 a job failed, was canceled, has expired or was refused; 2 the command line or the file
is wrong; 3 foreman refuses or cannot be reached; 130 interrupted.
`

type Options = NonNullable<ParseArgsConfig['options']>

const common = { url: { type: 'string' }, 'token-file': { type: 'string' } } as const satisfies Options

/** A command line, read. */
export interface CommandLine {
  readonly positionals: string[]
  /** The value of an option; undefined where it is not given. */
  text(name: string): string | undefined
  /** Whether an option without a value is given. */
  has(name: string): boolean
}

/** Reads it. @throws {UsageError} */
export function readCommandLine(args: string[], options: Options = {}): CommandLine {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { ...common, ...options },
      allowPositionals: true
    })
    const all: Record<string, unknown> = values
    return { positionals, text: name => all[name] as string | undefined, has: name => all[name] === true }
  } catch (err) {
    throw new UsageError((err as Error).message)
  }
}

/** The foreman that the command line and the environment name. @throws {UsageError} */
export function foremanOf(line: CommandLine, retry: RetryOptions): Foreman {
  const { FOREMAN_URL = 'http://127.0.0.1:8080', FOREMAN_TOKEN } = process.env
  const baseUrl = line.text('url') ?? FOREMAN_URL
  const file = line.text('token-file')
  const token = (file === undefined ? FOREMAN_TOKEN : readInput(file))?.trim()
  try {
    return new Foreman({ baseUrl, retry, ...(token && { token }) })
  } catch (err) {
    throw new UsageError((err as Error).message)
  }
}

/** A file that the command line names. @throws {UsageError} */
export function readInput(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    throw new UsageError((err as Error).message)
  }
}

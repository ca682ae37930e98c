#!/usr/bin/env node
/**
 * The command `foreman-jobs`: hands many prompts in and collects what comes of them; watches and cancels jobs; shows the queue.
 *
 * Results and texts go to stdout or a file, everything else to stderr.
 */
import { ForemanConnectionError, ForemanError } from '../index.ts'
import { cancel } from './cancel.ts'
import { type Command, help, UsageError } from './options.ts'
import { submit } from './submit.ts'
import { top } from './top.ts'
import { watch } from './watch.ts'

const commands: Readonly<Record<string, Command>> = { submit, watch, cancel, top }

/** As a shell has it for SIGINT. */
const interrupted = 130

async function main([name = '--help', ...args]: string[]): Promise<number> {
  if ([name, ...args].some(arg => arg === '--help' || arg === '-h')) {
    process.stdout.write(help)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new UsageError(`there is no command ${name}`)
  const stop = new AbortController()
  // The second one ends it the hard way.
  process.once('SIGINT', () => stop.abort(new InterruptedError()))
  return command(args, stop.signal)
}

class InterruptedError extends Error {}

function codeOf(err: unknown): number {
  if (err instanceof InterruptedError) return interrupted
  if (err instanceof UsageError) {
    console.error(`foreman-jobs: ${err.message}\nforeman-jobs --help tells how it is used.`)
    return 2
  }
  if (!(err instanceof ForemanError || err instanceof ForemanConnectionError)) throw err
  console.error(`foreman-jobs: ${err.message}`)
  if (err instanceof ForemanError && err.status === 401)
    console.error('The token is what $FOREMAN_TOKEN says, or what the file of --token-file has.')
  return 3
}

process.exitCode = await main(process.argv.slice(2)).catch(codeOf)

/** `foreman-jobs top`: the queue as a table. */
import type { Queue } from '../index.ts'
import { sleep } from '../retry.ts'
import { type Command, foremanOf, readCommandLine } from './options.ts'

const pauseS = 2
const clearScreen = '\x1b[H\x1b[2J'

/** Shows it until it is interrupted; once where stdout is no terminal. */
export const top: Command = async (args, signal) => {
  const line = readCommandLine(args, { once: { type: 'boolean' } })
  const isLive = process.stdout.isTTY && !line.has('once')
  const onRetry = ({ error }: { error: Error }) => console.error(`[${error.message}: trying again]`)
  const foreman = foremanOf(line, { onRetry, ...(isLive && { limitS: Number.POSITIVE_INFINITY }) })
  for (;;) {
    const table = tableOf(await foreman.queue({ signal }))
    process.stdout.write(isLive ? clearScreen + table : table)
    if (!isLive) return 0
    await sleep(pauseS, signal)
  }
}

function tableOf({ depth, max_queued, busy, paused, draining, runners }: Queue): string {
  const marks = [busy && 'busy', paused && 'paused', draining && 'draining'].filter(mark => mark !== false)
  const head = `${depth.total} of ${max_queued} waiting${marks.length > 0 ? `, ${marks.join(', ')}` : ''}`
  const rows = runners.map(runner => [
    `${runner.models.join(' ') || runner.runner}${runner.resident ? ' *' : ''}`,
    ...[runner.depth.interactive, runner.depth.normal, runner.depth.batch].map(String),
    ...[runner.oldest_age_s, runner.load_s, runner.run_s].map(seconds)
  ])
  const titles = ['MODEL (* LOADED)', 'INTERACTIVE', 'NORMAL', 'BATCH', 'OLDEST', 'LOAD', 'RUN']
  return `${head}\n\n${columns([titles, ...rows])}\n`
}

function seconds(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)} s`
}

function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, n) => Math.max(...rows.map(row => row[n]!.length)))
  const line = (row: string[]) =>
    row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)))
  return rows.map(row => line(row).join('  ').trimEnd()).join('\n')
}

/** The table of a day of mixed callers, as lines of Markdown. */
import type { DayFigures, LoadSum } from './trace-day-figures.ts'

/** A row for each of the days. */
export function dayTable(days: Readonly<Record<string, DayFigures>>): string[] {
  const heads =
    'day | jobs | work s | foreman | for num_ctx alone | arrival order: by the ledger | counted | played | done after h: foreman, arrival order'
  const rows = Object.entries(days).map(([name, figures]) => `| ${[name, ...cells(figures)].join(' | ')} |`)
  return [
    `| ${heads} |`,
    `|${heads
      .split('|')
      .map(() => '---|')
      .join('')}`,
    ...rows
  ]
}

function cells(figures: DayFigures): string[] {
  const { jobs, workS, foreman, forContext, ledger, counted, played, doneS } = figures
  const beside = (sum: LoadSum) => `${shown(sum)} (${(sum.seconds / foreman.seconds).toFixed(1)} x)`
  return [
    String(jobs),
    String(Math.round(workS)),
    shown(foreman),
    shown(forContext),
    ...[ledger, counted, played].map(beside),
    [doneS.foreman, doneS.played].map(seconds => (seconds / 3600).toFixed(1)).join(', ')
  ]
}

function shown({ loads, seconds }: LoadSum): string {
  return `${loads} loads, ${Math.round(seconds)} s`
}

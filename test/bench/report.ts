/** The table that a run prints, in Markdown, so that it can be pasted into a page. */
import { type Figure, isReached } from './figures.ts'
import type { Machine } from './machine.ts'
import type { Scenario } from './scenario.ts'

/** The machine as a few lines of text. */
export function machineText({ system, processor, cores, ...machine }: Machine): string {
  const { node, sqlite, fsyncMs, loadAverage } = machine
  return [
    `${cores} cores (${processor}), ${system}`,
    `Node ${node}, SQLite ${sqlite}, fsync ${fsyncMs.toFixed(3)} ms, load average ${loadAverage.toFixed(2)}`
  ].join('\n')
}

/** The figures of one scenario under its title. */
export function scenarioText({ name, title }: Scenario, figures: readonly Figure[]): string {
  const rows = [
    ['measured', 'value', 'reach', ''],
    ...figures.map(figure => [figure.what, valueText(figure), reachText(figure), markOf(figure)])
  ]
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map(row => row[column]!.length)))
  const lines = rows.map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  const rule = `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`
  return [`${name}: ${title}`, '', lines[0], rule, ...lines.slice(1)].join('\n')
}

function valueText({ value, unit }: Figure): string {
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 3 : 1
  return `${value.toFixed(digits)} ${unit}`.trimEnd()
}

function reachText({ reach }: Figure): string {
  if (reach?.atMost !== undefined) return `≤ ${reach.atMost}`
  return reach?.atLeast !== undefined ? `≥ ${reach.atLeast}` : ''
}

function markOf(figure: Figure): string {
  const reached = isReached(figure)
  if (reached === undefined) return ''
  return reached ? 'yes' : 'no'
}

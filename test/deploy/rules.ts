/** The alert rules of `deploy/prometheus`, read, changed for a test, and put through promtool. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type Scope, temporaryDir } from '../helpers/foreman.ts'
import { promtool, type ToolAnswer } from '../helpers/prometheus.ts'

/** One alert. */
export interface Rule {
  readonly alert: string
  readonly expr: string
  /** How long `expr` must hold before it fires; unset: at once. */
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** The folder with the rules, the scrape file and the tests of promtool. */
export const prometheusDir = join(import.meta.dirname, '..', '..', 'deploy', 'prometheus')
const testsDir = join(prometheusDir, 'tests')

/** The rules as they are shipped. */
export const rulesText = readFileSync(join(prometheusDir, 'alerts.yml'), 'utf8')
/** The same, read. */
export const rules: readonly Rule[] = parse(rulesText).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules
)

/** The text of a rule file with every rule as `change` makes it. */
export function changed(change: (rule: Rule) => Rule): string {
  return stringify({ groups: [{ name: 'foreman', rules: rules.map(change) }] })
}

/** Longest wait of an alert in a hurry, in s: longer than the range over which most of them look back. */
const longestForS = 6

/** The rules for an impatient test: a minute lasts a second, and nothing is waited for longer than `longestForS`. */
export function hurried(): string {
  const expr = (rule: Rule) =>
    rule.expr
      .replace(/\[(\d+)m\]/g, '[$1s]')
      .replace('> 60\n', '> 1\n')
      .replace(/> 3600$/, `> ${longestForS}`)
  const wait = (pause: string) =>
    `${Math.min(longestForS, Number.parseInt(pause, 10) * (pause.endsWith('h') ? 60 : 1))}s`
  return changed(rule => ({ ...rule, expr: expr(rule), ...(rule.for && { for: wait(rule.for) }) }))
}

/** Runs the cases of promtool that come with the rules against `text` in their place. */
export function runCases(t: Scope, text: string, cases = casesFiles()): ToolAnswer {
  const dir = temporaryDir(t)
  mkdirSync(join(dir, 'tests'))
  writeFileSync(join(dir, 'alerts.yml'), text)
  for (const name of cases) copyFileSync(join(testsDir, name), join(dir, 'tests', name))
  return promtool(['test', 'rules', ...cases], { cwd: join(dir, 'tests') })
}

/** The files with cases that name the alert. */
export function casesOf(alert: string): string[] {
  return casesFiles().filter(name => readFileSync(join(testsDir, name), 'utf8').includes(`"${alert}"`))
}

function casesFiles(): string[] {
  return readdirSync(testsDir)
}

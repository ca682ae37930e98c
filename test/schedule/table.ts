/**
 * `npm run schedule`: foreman's schedule beside three plain policies on the fixed workloads, as a table, and where
 * its figures differ from those of the design's simulator. Nothing is measured: the clock is simulated, so that
 * every run prints the same. The figures are read as ADR 0009 says. `npm run schedule -- --day [--seed N]`: what a day
 * of mixed callers costs in loads instead.
 */
import { parseArgs } from 'node:util'
import { type Priority, priorities } from '../../core/jobs/priority.ts'
import { designFigures, designUnequal, type Figures, type Waits } from './design-figures.ts'
import { type Outcome, quantile, runSchedule } from './outcome.ts'
import { plainPolicies, runPlain } from './plain-policies.ts'
import { Simulation } from './simulation.ts'
import { busyCompany, quietCompany } from './trace-day.ts'
import { playDay, raisedTo } from './trace-day-figures.ts'
import { dayTable } from './trace-day-table.ts'
import * as workloads from './workloads.ts'

const { toMs, unequal, unequalOverload } = workloads
const { backlog, twoAgents, threeAgents, personBesideBatch, busy, overload } = workloads
const { dearBesideCheap, steadyFlow, twoPeople } = workloads
const rows = {
  ...{ backlog, twoAgents, threeAgents, personBesideBatch, busy, overload, unequal, unequalOverload },
  ...{ dearBesideCheap, steadyFlow, twoPeople }
}
const seedsOfUnequal = [11, 12, 13, 14, 15, 16]
/** Differences below this part are not told. */
const tolerance = 0.02

type Run = (workload: workloads.Workload) => Outcome | Promise<Outcome>

const policies: Record<string, Run> = {
  'arrival order': workload => runPlain(workload, plainPolicies['arrival order']),
  'age limit 60 s': workload => runPlain(workload, plainPolicies['age limit 60 s']),
  'plain drain': workload => runPlain(workload, plainPolicies['plain drain']),
  'this schedule': async workload => {
    using simulation = new Simulation({ loadMs: runner => toMs(workload.load(runner)) })
    return await runSchedule(workload, simulation)
  }
}

const { values } = parseArgs({
  options: { day: { type: 'boolean' }, seed: { type: 'string', default: '1' } }
})
if (values.day) await printDay(Number(values.seed))
else {
  await printTable()
  await printMedians()
}

async function printDay(seed: number): Promise<void> {
  const busy = await playDay(seed, busyCompany)
  const raised = await playDay(seed, busyCompany, raisedTo(busy.largest))
  const quiet = await playDay(seed, quietCompany)
  for (const line of dayTable({ busy, 'busy, num_ctx raised': raised, quiet })) console.log(line)
}

async function printTable(): Promise<void> {
  const differences: string[] = []
  console.log(
    '| workload | policy | total s | loads | share of time loading | wait p50/p95/max s: interactive · normal · batch |'
  )
  console.log('|---|---|---|---|---|---|')
  for (const [name, make] of Object.entries(rows)) {
    for (const [policy, run] of Object.entries(policies)) {
      const figures = figuresOf(await run(make()))
      const [total, loads, share, ...waits] = figures
      console.log(
        `| ${name} | ${policy} | ${total} | ${loads} | ${share} % | ${waits.map(show).join(' · ')} |`
      )
      differences.push(...compare(`${name}, ${policy}`, figures, designFigures[name]?.[policy]))
    }
  }
  console.log(
    `\nDifferences of more than ${100 * tolerance} % to the design's simulator (its figure in brackets):\n`
  )
  for (const line of differences) console.log(`- ${line}`)
}

async function printMedians(): Promise<void> {
  console.log(
    '\nMedian of six seeds of unequal (11 to 16): p95 of interactive waits, share of time loading:\n'
  )
  for (const [policy, run] of Object.entries(policies)) {
    const all: Figures[] = []
    for (const seed of seedsOfUnequal) all.push(figuresOf(await run(unequal(seed))))
    const p95 = middle(all.map(figures => figures[3]![1]))
    const share = middle(all.map(figures => figures[2]))
    const [designP95, designShare] = designUnequal[policy]!
    console.log(`- ${policy}: ${p95} s (${designP95} s), ${share} % (${designShare} %)`)
  }
}

function middle(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5
  )
}

function figuresOf(outcome: Outcome): Figures {
  const { totalMs, loads, loadingMs, waitsMs } = outcome
  const waits = (priority: Priority) => waitsOf(waitsMs[priority])
  const [interactive, normal, batch] = priorities.map(waits)
  return [
    Math.round(totalMs / 1000),
    loads,
    Math.round((100 * loadingMs) / totalMs),
    interactive,
    normal,
    batch
  ]
}

function waitsOf(waitsMs: readonly number[]): Waits {
  if (waitsMs.length === 0) return undefined
  const at = (part: number) => Math.round(quantile(waitsMs, part) / 100) / 10
  return [at(0.5), at(0.95), at(1)]
}

function show(waits: Waits): string {
  return waits?.join('/') ?? '–'
}

function compare(row: string, ours: Figures, theirs: Figures | undefined): string[] {
  if (theirs === undefined) return []
  const names = ['total s', 'loads', '% loading', 'interactive', 'normal', 'batch']
  const told = names.flatMap((name, index) => {
    const [mine, yours] = [[ours[index]].flat(), [theirs[index]].flat()] as [number[], number[]]
    const differs = mine.some(
      (value, at) => Math.abs(value - yours[at]!) > Math.max(1, tolerance * yours[at]!)
    )
    return differs ? [`${name} ${mine.join('/')} (${yours.join('/')})`] : []
  })
  return told.length === 0 ? [] : [`${row}: ${told.join('; ')}`]
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promtool, withoutPrometheus } from '../helpers/prometheus.ts'
import { anyVariables, filledIn, queries } from './board.ts'
import { emptyPanels, unusedSeries } from './exceptions.ts'
import { type Family, familyOf, readExposition } from './exposition.ts'
import { healthyRun, unluckyRun } from './mixed-run.ts'
import { type Reading, readPromql } from './promql.ts'
import { rules } from './rules.ts'
import { startWatched, type Watched } from './watched.ts'

const PAGE = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/monitoring.md'), 'utf8')

test('after a mixed run, scraped by a real Prometheus', { skip: withoutPrometheus }, async t => {
  const watched = await startWatched(t)
  const { foreman, prometheus } = watched
  await healthyRun(foreman)
  await unluckyRun(foreman)
  await prometheus.scrapedTwice()
  const text = await foreman.scrape()
  const families = readExposition(text)

  await t.test('promtool finds nothing wrong with the scrape', () => {
    const { code, output } = promtool(['check', 'metrics'], { input: text })
    assert.deepEqual([code, output], [0, ''])
  })
  await t.test('every panel shows something, but for those with a reason', t => showSomething(t, watched))
  await t.test("the shares of the GPU's time add up", () => sharesAddUp(watched))
  await t.test('every series and label that a panel or an alert uses is scraped', () => useWhatIs(families))
  await t.test('every series of foreman is on a panel or in an alert, but for those with a reason', () =>
    everySeriesIsUsed(families)
  )
  await t.test('docs/monitoring.md lists every series of foreman with type and labels, and no other', () =>
    docsAreTrue(families)
  )
  await t.test('the bounds of histograms are those of the page', () => boundsAreTrue(families))
})

async function showSomething(t: TestContext, { foreman, prometheus }: Watched): Promise<void> {
  const variables = { instance: foreman.metricsAt, model: '.*', __rate_interval: '5m' }
  const empty: string[] = []
  for (const { panel, legend, expr } of queries) {
    const samples = await prometheus.query(filledIn(expr, variables))
    if (!samples.some(({ value }) => Number.isFinite(value))) empty.push(`${panel}: ${legend}`)
  }
  t.diagnostic(`${queries.length} expressions asked`)
  assert.deepEqual(empty.sort(), Object.keys(emptyPanels).sort())
}

async function sharesAddUp({ foreman, prometheus }: Watched): Promise<void> {
  const variables = { instance: foreman.metricsAt, model: '.*', __rate_interval: '5m' }
  const lines = queries.filter(({ panel }) => panel === "Where the GPU's time went")
  const exprs = lines.map(({ expr }) => filledIn(expr, variables))
  for (const [at, expr] of exprs.entries()) {
    const [share] = await prometheus.query(expr)
    assert.ok(share!.value > 0 && share!.value < 1, `${lines[at]!.legend} has ${share!.value}`)
  }
  // Asked as one, so that all of them are of the same moment.
  const [all] = await prometheus.query(exprs.map(expr => `(${expr})`).join(' + '))
  assert.ok(Math.abs(all!.value - 1) < 1e-9, `${all!.value}`)
}

/** What the panels and the alerts ask for. */
function readings(): Reading[] {
  const exprs = [...queries.map(({ expr }) => filledIn(expr, anyVariables)), ...rules.map(({ expr }) => expr)]
  return exprs.map(readPromql)
}

/** Labels that Prometheus puts on whatever it scrapes. */
const ofPrometheus = ['job', 'instance']

function useWhatIs(families: ReadonlyMap<string, Family>): void {
  for (const { selectors, groupedBy } of readings()) {
    const known = selectors.flatMap(({ metric, labels }) => {
      if (metric === 'up') return ofPrometheus
      const family = families.get(metric) ?? families.get(familyOf(metric))
      assert.ok(family !== undefined, `${metric} is not scraped`)
      if (family !== families.get(metric)) assert.equal(family.type, 'histogram', `${metric} is not scraped`)
      const own = [...ofPrometheus, ...(family.labels ?? []), ...(family.type === 'histogram' ? ['le'] : [])]
      for (const label of labels) assert.ok(own.includes(label), `${metric} has no label ${label}`)
      return own
    })
    for (const label of groupedBy) assert.ok(known.includes(label), `nothing there has a label ${label}`)
  }
}

function everySeriesIsUsed(families: ReadonlyMap<string, Family>): void {
  const used = new Set(readings().flatMap(({ selectors }) => selectors.map(({ metric }) => metric)))
  const usedFamilies = new Set([...used, ...[...used].map(familyOf)])
  const unused = [...families.keys()].filter(name => name.startsWith('foreman_') && !usedFamilies.has(name))
  assert.deepEqual(unused.sort(), Object.keys(unusedSeries).sort(), 'give it a panel, an alert or a reason')
}

function docsAreTrue(families: ReadonlyMap<string, Family>): void {
  const rows = [...PAGE.matchAll(/^\| `(foreman_\w+)` \| (\w+) \| ([\w, ]*)\| .+ \|$/gm)]
  const onPage = rows.map(([, name, type, labels]) => `${name} ${type} ${sorted(labels!.split(','))}`)
  const scraped = [...families].filter(([name]) => name.startsWith('foreman_'))
  const inScrape = scraped.map(
    ([name, { type, labels }]) => `${name} ${type} ${sorted(labels ?? ['no sample'])}`
  )
  assert.deepEqual(onPage.sort(), inScrape.sort())
  for (const [name, { values }] of scraped) {
    for (const [label, found] of values) {
      if (openLabels.has(label)) continue
      for (const value of found)
        assert.ok(PAGE.includes(`\`${value}\``), `${name}: ${label} ${value} is not on the page`)
    }
  }
}

/** Labels whose values are not listed one by one: names, routes, statuses, codes of docs/errors.md, bounds of buckets. */
const scrapeLabels = ['model', 'method', 'route', 'code', 'endpoint', 'error_code', 'le']
const openLabels = new Set([...scrapeLabels, 'version', 'node_version', 'commit'])

/** Each histogram's row begins with the name of its bounds. */
function boundsAreTrue(families: ReadonlyMap<string, Family>): void {
  const bounds = new Map(
    [...PAGE.matchAll(/^- \*(\w+)\*: ([\d. ]+)$/gm)].map(([, name, list]) => [name, list])
  )
  const rows = [...PAGE.matchAll(/^\| `(foreman_\w+)` \| histogram \| [\w, ]*\| \*(\w+)\*\./gm)]
  const histograms = [...families].filter(
    ([name, { type }]) => name.startsWith('foreman_') && type === 'histogram'
  )
  assert.equal(rows.length, histograms.length)
  for (const [, series, name] of rows) {
    const scraped = [...(families.get(series!)?.values.get('le') ?? [])].filter(bound => bound !== '+Inf')
    assert.equal(scraped.join(' '), bounds.get(name), series)
  }
}

function sorted(labels: readonly string[]): string {
  return labels
    .map(label => label.trim())
    .filter(label => label !== '')
    .sort()
    .join(', ')
}

test('docs/monitoring.md speaks of no other series', () => {
  const listed = new Set([...PAGE.matchAll(/^\| `(foreman_\w+)` \| \w+ \|/gm)].map(([, name]) => name))
  for (const [, name] of PAGE.matchAll(/`(foreman_\w+)`/g)) assert.ok(listed.has(name), name)
})

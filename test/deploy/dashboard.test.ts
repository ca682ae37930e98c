import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { dashboard } from '../../deploy/grafana/dashboard.ts'
import { anyVariables, board, filledIn, grafanaDir, panels, queries } from './board.ts'
import { readPromql } from './promql.ts'
import { prometheusDir } from './rules.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const readYaml = (...path: string[]) => parse(readFileSync(join(...path), 'utf8'))

test('the dashboard is the one that deploy/grafana/make.ts writes', () => {
  assert.deepEqual(board, dashboard(), 'run node deploy/grafana/make.ts')
})

test("it has the shape of Grafana's own types, each panel with the options of its kind", t => {
  const source = typedSource()
  assert.equal(typeFaults(t, source), '')
  for (const [right, wrong] of [
    ['"refresh":"10s"', '"refresh":10'],
    ['"gridPos":', '"gridPosition":'],
    ['"textMode":"value"', '"textMode":"values"'],
    ['"lineWidth":1', '"linewidth":1']
  ]) {
    assert.notEqual(typeFaults(t, source.replaceAll(right!, wrong!)), '', wrong)
  }
})

function typeFaults(t: TestContext, source: string): string {
  // Below the root, so that the package is found.
  const dir = mkdtempSync(join(ROOT, 'node_modules', '.cache', 'board-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'board.ts'), source)
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions', '--ignoreConfig']
  const modules = ['--module', 'nodenext', '--moduleResolution', 'nodenext']
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
  return spawnSync(tsc, [...options, ...modules, 'board.ts'], { cwd: dir, encoding: 'utf8' }).stdout
}

/** The dashboard as a literal, so that a misspelt key is seen as well. */
function typedSource(): string {
  const kinds = { timeseries: 'TimeSeries', stat: 'Stat', heatmap: 'Heatmap' }
  const composable = '@grafana/schema/dist/esm/raw/composable'
  const imports = Object.entries(kinds).map(
    ([kind, name]) =>
      `import type { Options as ${kind} } from '${composable}/${kind}/panelcfg/x/${name}PanelCfg_types.gen'`
  )
  const parts = panels.flatMap(({ type, options, fieldConfig }, at) => [
    `export const options${at}: Plain<${type}> = ${JSON.stringify(options)}`,
    `export const custom${at}: Plain<GraphFieldConfig> = ${JSON.stringify(fieldConfig?.defaults.custom ?? {})}`
  ])
  return [
    `import type { Dashboard, GraphFieldConfig } from '@grafana/schema'`,
    ...imports,
    `import type { Plain } from '${join(grafanaDir, 'plain.ts')}'`,
    `export const board: Plain<Dashboard> = ${JSON.stringify(board)}`,
    ...parts
  ].join('\n')
}

test('every expression is PromQL', () => {
  assert.ok(queries.length > 60)
  for (const { panel, expr } of queries) {
    assert.ok(readPromql(filledIn(expr, anyVariables)).isValid, `${panel}: ${expr}`)
  }
  assert.equal(readPromql('rate(foo[5m)').isValid, false)
})

test('every line has a name that tells it from the others of its panel', () => {
  for (const { panel, expr, legend, refId } of queries) {
    const others = queries.filter(other => other.panel === panel && other.refId !== refId)
    assert.ok(!others.some(other => other.legend === legend), `${panel}: ${legend}`)
    const { groupedBy, selectors } = readPromql(filledIn(expr, anyVariables))
    const isSummed = /^(\d+ \* )?(sum|histogram_quantile)/.test(expr)
    for (const [, label] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
      assert.ok(!isSummed || groupedBy.includes(label!), `${panel}: ${label} is not in ${expr}`)
    }
    for (const label of isSummed ? groupedBy : []) {
      const isNamed = label === 'le' || legend.includes(`{{${label}}}`)
      assert.ok(isNamed, `${panel}: lines differ by ${label}, and ${legend} does not tell it`)
    }
    for (const { metric, labels } of selectors) {
      assert.ok(labels.includes('instance'), `${panel}: ${metric} of all foremen`)
    }
  }
})

test('every panel says what it shows, in which unit, and what is good', () => {
  for (const { title, description, fieldConfig, targets } of panels) {
    assert.ok(title && description && description.length > 15, title)
    assert.ok(fieldConfig?.defaults.unit, title)
    assert.ok(fieldConfig?.defaults.thresholds?.steps.length, title)
    assert.ok(targets?.length, title)
  }
  const titles = panels.map(({ title }) => title)
  assert.equal(new Set(titles).size, titles.length - 1, 'one title comes twice: as a number and as a line')
})

test('the panels fill their rows and none lies on another', () => {
  const taken = new Set<string>()
  for (const { id, gridPos } of board.panels!) {
    const { x, y, w, h } = gridPos!
    assert.ok(x >= 0 && x + w <= 24, `${id}`)
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const cell = `${column},${line}`
        assert.ok(!taken.has(cell), `${id} lies on another at ${cell}`)
        taken.add(cell)
      }
    }
  }
  const ids = board.panels!.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
})

test('its rows come in the order of looking: is it well, what comes in, who waits, how fast, what goes out', () => {
  const rows = board.panels!.filter(({ type }) => type === 'row').map(({ title }) => title)
  assert.deepEqual(rows, ['Health', 'Traffic', 'Queue', 'LLM', 'Delivery', 'Process'])
  assert.equal(board.refresh, '10s')
  assert.deepEqual(
    board.templating!.list!.map(({ name }) => name),
    ['datasource', 'instance', 'model']
  )
})

test('Grafana is given the data source and the dashboard where it looks for them', () => {
  const [source] = readYaml(grafanaDir, 'provisioning', 'datasources', 'prometheus.yml').datasources
  const { global } = readYaml(prometheusDir, 'prometheus.yml')
  assert.deepEqual([source.type, source.isDefault], ['prometheus', true])
  assert.equal(source.jsonData.timeInterval, global.scrape_interval)
  const [provider] = readYaml(grafanaDir, 'provisioning', 'dashboards', 'foreman.yml').providers
  const { grafana, prometheus } = readYaml(ROOT, 'compose.yaml').services
  assert.ok(grafana.volumes.includes(`./deploy/grafana/dashboards:${provider.options.path}:ro`))
  assert.ok(grafana.volumes.includes('./deploy/grafana/provisioning:/etc/grafana/provisioning:ro'))
  assert.ok(prometheus.volumes.includes('./deploy/prometheus:/etc/prometheus:ro'))
  assert.equal(new URL(source.url).hostname, 'prometheus')
})

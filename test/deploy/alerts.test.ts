import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { temporaryDir } from '../helpers/foreman.ts'
import { promtool, withoutPrometheus } from '../helpers/prometheus.ts'
import { casesOf, changed, prometheusDir, type Rule, rules, rulesText, runCases } from './rules.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const skip = withoutPrometheus
const page = readFileSync(join(ROOT, 'docs/monitoring.md'), 'utf8')

test('promtool takes the scrape file and the rules', { skip }, () => {
  const { code, output } = promtool(['check', 'config', 'prometheus.yml'], { cwd: prometheusDir })
  assert.equal(code, 0, output)
  assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`))
})

test('Prometheus scrapes the listener of the compose stack often enough for every rule', () => {
  const config = parse(readFileSync(join(prometheusDir, 'prometheus.yml'), 'utf8'))
  assert.deepEqual(config.rule_files, ['alerts.yml'])
  const [{ job_name, static_configs }] = config.scrape_configs
  assert.deepEqual([job_name, static_configs], ['foreman', [{ targets: ['foreman:9464'] }]])
  // A rate needs two scrapes in its window, and one may be missed.
  const shortest = Math.min(
    ...[...rulesText.matchAll(/\[(\d+)m\]/g)].map(([, minutes]) => Number(minutes) * 60)
  )
  assert.ok(Number.parseInt(config.global.scrape_interval, 10) * 3 <= shortest)
})

test('the cases of the rules hold', { skip }, t => {
  const { code, output } = runCases(t, rulesText)
  assert.equal(code, 0, output)
})

/** The alert changed, the others as they are. */
function withChanged(name: string, change: Partial<Rule>): string {
  return changed(rule => (rule.alert === name ? { ...rule, ...change } : rule))
}

for (const { alert, expr } of rules) {
  test(`${alert} has a case in which it fires`, { skip }, t => {
    const { code } = runCases(t, withChanged(alert, { expr: 'vector(0) > 1' }), casesOf(alert))
    assert.equal(code, 1, 'promtool misses an alert that never fires')
  })

  test(`${alert} has a case in which it comes close and is silent`, { skip }, t => {
    const always = `${expr} or group by (job, instance, priority, reason) ({instance=~"well.*"})`
    const { code } = runCases(t, withChanged(alert, { expr: always }), casesOf(alert))
    assert.equal(code, 1, 'promtool misses an alert that fires for the healthy as well')
  })
}

for (const { alert } of rules.filter(rule => rule.for !== undefined)) {
  test(`${alert} has a case that knows how long it waits`, { skip }, t => {
    const { code } = runCases(t, withChanged(alert, { for: '0s' }), casesOf(alert))
    assert.equal(code, 1, 'promtool misses an alert that fires at once')
  })
}

test('a target that may sleep is silent when its foreman is named in the rule, and others are not', {
  skip
}, t => {
  const dir = temporaryDir(t)
  const named = rulesText.replace('instance!~"none"', 'instance!~"sleeper:9464"')
  assert.notEqual(named, rulesText)
  writeFileSync(join(dir, 'alerts.yml'), named)
  const down = (instance: string) => ({ series: `foreman_target_up{instance="${instance}"}`, values: '0x9' })
  const labels =
    'ALERTS{alertname="ForemanTargetDown",alertstate="firing",severity="critical",instance="box:9464"}'
  const query = { expr: 'ALERTS{alertstate="firing"}', eval_time: '5m', exp_samples: [{ labels, value: 1 }] }
  const input_series = [down('sleeper:9464'), down('box:9464')]
  const tests = [{ interval: '1m', input_series, promql_expr_test: [query] }]
  writeFileSync(join(dir, 'cases.yml'), JSON.stringify({ rule_files: ['alerts.yml'], tests }))
  const { code, output } = promtool(['test', 'rules', 'cases.yml'], { cwd: dir })
  assert.equal(code, 0, output)
})

test('every alert has a severity, and words that say what to do and where to read on', () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(alert, /^Foreman[A-Z]/)
    assert.ok(['critical', 'warning', 'info'].includes(labels.severity!), alert)
    assert.ok(annotations.summary && annotations.description, alert)
    assert.equal(annotations.runbook, `docs/monitoring.md#${alert.toLowerCase()}`)
  }
})

test('docs/monitoring.md has a section on every alert, with its severity, and on no other', () => {
  const sections = [...page.matchAll(/^### (Foreman\w+)\n\n\*(\w+)\*/gm)].map(([, name, severity]) => [
    name,
    severity
  ])
  assert.deepEqual(
    sections,
    rules.map(({ alert, labels }) => [alert, labels.severity])
  )
})

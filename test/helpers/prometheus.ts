/**
 * Prometheus and its `promtool` for tests: the Debian package `prometheus`, where it is installed.
 *
 * A server is a process of its own on a free port of the loopback address, with its data in a temporary folder, and
 * gone when the test is over. Its alerts are sent, as they would be in earnest, to an Alertmanager that the test is.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { longestWaitMs, type SentAlert, startManager } from './alertmanager.ts'
import { type Scope, temporaryDir } from './foreman.ts'

/** For the option `skip` of a test: why it cannot run here, or false. */
export const withoutPrometheus = missing(['prometheus', 'promtool'])

/** What a tool said, on both its outputs, and how it ended. */
export interface ToolAnswer {
  readonly code: number | null
  readonly output: string
}

/** A label set with its value. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

/** What is scraped, and by which rules it is judged. */
export interface PrometheusOptions {
  /** `host:port` of the scraped listeners. */
  readonly targets: readonly string[]
  /** Text of a rule file. Defaults to none. */
  readonly rules?: string
}

/** A running Prometheus that scrapes and judges every half second. */
export interface Prometheus {
  readonly url: string
  /** @throws {Error} on an expression that it does not take */
  query(expr: string): Promise<Sample[]>
  /** Every alert that is pending or firing now, by name. */
  alerts(): Promise<{ readonly name: string; readonly instance: string; readonly state: string }[]>
  /** The first time that the alert is sent as firing for `instance`, past or to come. @throws {Error} after 40 s */
  fired(name: string, instance: string): Promise<SentAlert>
  /** The names of all alerts that were sent so far for `instance`, sorted. */
  sent(instance: string): string[]
  /** Resolves when the expression has a sample that is not 0. @throws {Error} after 40 s */
  holds(expr: string): Promise<void>
  /** Resolves when every target was scraped twice more: a rate needs two values. @throws {Error} after 40 s */
  scrapedTwice(): Promise<void>
}

const step = '500ms'
const stepMs = 500

/** Runs promtool in `cwd`, with `input` on its stdin. */
export function promtool(
  args: readonly string[],
  options: { cwd?: string; input?: string } = {}
): ToolAnswer {
  const { status, stdout, stderr } = spawnSync('promtool', args, { ...options, encoding: 'utf8' })
  return { code: status, output: `${stdout}${stderr}` }
}

/** Starts one and waits until it answers. */
export async function startPrometheus(t: Scope, options: PrometheusOptions): Promise<Prometheus> {
  const manager = await startManager(t)
  const dir = temporaryDir(t)
  writeFileSync(join(dir, 'rules.yml'), options.rules ?? 'groups: []')
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(configOf(options, manager.port)))
  const url = `http://${await launch(t, dir)}`
  const query = (expr: string) => ask(url, expr)
  async function holds(expr: string): Promise<void> {
    const deadline = performance.now() + longestWaitMs
    while (!(await query(expr)).some(({ value }) => value !== 0)) {
      if (performance.now() > deadline) throw new Error(`not so within ${longestWaitMs} ms: ${expr}`)
      // Prometheus announces nothing: it is asked once for each scrape.
      await sleep(stepMs)
    }
  }
  return {
    url,
    query,
    alerts: () => alertsOf(url),
    fired: manager.fired,
    sent: manager.sent,
    holds,
    async scrapedTwice() {
      const [{ value: now } = { value: 0 }] = await query('vector(time())')
      await holds(`min(timestamp(up)) > ${now + (3 * stepMs) / 1000}`)
    }
  }
}

function missing(tools: readonly string[]): string | false {
  const absent = tools.filter(tool => spawnSync(tool, ['--version']).error !== undefined)
  return (
    absent.length > 0 &&
    `SKIPPED, NOT PROVED: not installed: ${absent.join(', ')} (Debian package prometheus)`
  )
}

// JSON is YAML.
function configOf({ targets }: PrometheusOptions, managerPort: number): object {
  return {
    global: { scrape_interval: step, scrape_timeout: step, evaluation_interval: step },
    rule_files: ['rules.yml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${managerPort}`] }] }] },
    scrape_configs: [{ job_name: 'foreman', static_configs: [{ targets }] }]
  }
}

/** @returns its address */
async function launch(t: Scope, dir: string): Promise<string> {
  const child = spawn('prometheus', [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
    '--rules.alert.resend-delay=1s',
    '--log.format=json'
  ])
  t.after(() => end(child))
  let address: string | undefined
  let log = ''
  // It logs to stderr.
  for await (const line of createInterface(child.stderr)) {
    log += `${line}\n`
    const entry = JSON.parse(line) as { msg?: string; address?: string }
    if (entry.msg === 'Listening on') address = entry.address
    if (entry.msg === 'Server is ready to receive web requests.' && address !== undefined) break
  }
  if (address === undefined || child.exitCode !== null) throw new Error(`Prometheus did not start: ${log}`)
  child.stderr.resume()
  return address
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

async function ask(url: string, expr: string): Promise<Sample[]> {
  const answer = await api<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
    `${url}/api/v1/query`,
    new URLSearchParams({ query: expr })
  )
  return answer.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
}

async function alertsOf(url: string): Promise<{ name: string; instance: string; state: string }[]> {
  const { alerts } = await api<{ alerts: { labels: Record<string, string>; state: string }[] }>(
    `${url}/api/v1/alerts`
  )
  return alerts.map(({ labels, state }) => ({ name: labels.alertname!, instance: labels.instance!, state }))
}

async function api<T>(url: string, form?: URLSearchParams): Promise<T> {
  const answer = await fetch(url, form === undefined ? {} : { method: 'POST', body: form })
  const body = (await answer.json()) as { data: T; error?: string }
  if (body.error !== undefined) throw new Error(`${form?.get('query') ?? url}: ${body.error}`)
  return body.data
}

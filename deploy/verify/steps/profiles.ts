/** What compose.yaml offers beside foreman and Ollama. */
import assert from 'node:assert/strict'
import { Ledger } from '../ledger.ts'
import { eventually } from '../shell.ts'
import { administrator, LeftOut, type World } from '../world.ts'

/** On the volume that both see. */
const copy = '/backup/restored.db'
const listJobs = `const Database = require('/app/node_modules/better-sqlite3')
  const done = new Database('${copy}').prepare("SELECT id FROM job WHERE state = 'done'").pluck().all()
  console.log(JSON.stringify(done))`

/** Prometheus reads foreman's own listener by the name of the service, and has the alerts. Grafana has no stand-in. */
export async function prometheusScrapes({ stack, standIns }: World): Promise<string> {
  if (!standIns.prometheus) throw new LeftOut('prometheus and promtool are not installed')
  await stack.up()
  await stack.compose(['--profile', 'observability', 'up', '--detach', '--no-build', 'prometheus'])
  const api = `http://127.0.0.1:${stack.ports.prometheus}/api/v1`
  await eventually('foreman is scraped', async () => (await numberOf(api, 'up{job="foreman"}')) === '1')
  const rules = await dataOf<{ groups: { rules: unknown[] }[] }>(`${api}/rules`)
  const count = rules.groups.flatMap(group => group.rules).length
  assert.ok(count > 0)
  return `${await numberOf(api, 'count({job="foreman"})')} series, ${count} rules; Grafana was not started`
}

/** The only value of a query; undefined where there is none. */
async function numberOf(api: string, query: string): Promise<string | undefined> {
  const url = `${api}/query?query=${encodeURIComponent(query)}`
  const { result } = await dataOf<{ result: { value: [number, string] }[] }>(url)
  return result[0]?.value[1]
}

async function dataOf<T>(url: string): Promise<T> {
  const { data } = (await (await fetch(url)).json()) as { data: T }
  return data
}

/** The database comes back out of what Litestream wrote, while foreman works on it. */
export async function litestreamCopies(world: World): Promise<string> {
  const { stack, standIns } = world
  if (!standIns.litestream) throw new LeftOut('litestream is not installed (--litestream FILE names one)')
  await stack.up()
  await stack.compose(['--profile', 'backup', 'up', '--detach', '--no-build', 'litestream'])
  const foreman = await administrator(world)
  const ledger = await Ledger.open(foreman, 5, 5)
  for (const id of ledger.ids) await foreman.ended(id)
  const restore = ['restore', '-config', '/etc/litestream.yml', '-o', copy, '/data/foreman.db']
  const copied = await eventually('the copy has the jobs', async () => {
    await stack.exec('foreman', 'sh', '-c', `rm -f ${copy}*`)
    await stack.exec('litestream', 'litestream', ...restore)
    const ids: string[] = JSON.parse(await stack.exec('foreman', 'node', '-e', listJobs))
    return ledger.ids.every(id => ids.includes(id)) && ids
  })
  return `${copied.length} jobs in the copy`
}

/** `foreman backup` in the container, onto the volume for it, and read through again. */
export async function backupIsWhole(world: World): Promise<string> {
  const { stack } = world
  await stack.up()
  const foreman = await administrator(world)
  await foreman.ended(await foreman.handIn({ model: 'llama3.2', prompt: 'to be kept', tokens: 3 }))
  const backup = (...args: string[]) => stack.exec('foreman', 'foreman', 'backup', ...args)
  await backup('/backup/whole')
  const said = await backup('--check', '/backup/whole')
  await stack.exec('foreman', 'rm', '-r', '/backup/whole')
  return said.split('\n', 1)[0]!
}

/**
 * `npm run bench [-- [--json] [--dir DIR] [--profile DIR] name…]`: measures foreman against the target called
 * directly in the same run, and prints what the design wants beside it. Whatever it finds, it exits with 0.
 */
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { agents } from './agents.ts'
import { choosing } from './choosing.ts'
import { embeds } from './embeds.ts'
import { type Figure, isReached } from './figures.ts'
import { followers } from './followers.ts'
import { idleCall } from './idle-call.ts'
import { loginFlood } from './login-flood.ts'
import { readMachine } from './machine.ts'
import { mixedLoad } from './mixed-load.ts'
import { person } from './person.ts'
import { machineText, scenarioText } from './report.ts'
import { restart } from './restart.ts'
import { Bench, type Scenario } from './scenario.ts'
import { scrape } from './scrape.ts'
import { stream } from './stream.ts'
import { submit } from './submit.ts'
import { tokenTiming } from './token-timing.ts'
import { webhooks } from './webhooks.ts'

const scenarios: readonly Scenario[] = [
  idleCall,
  stream,
  mixedLoad,
  agents,
  person,
  embeds,
  followers,
  submit,
  choosing,
  restart,
  scrape,
  tokenTiming,
  loginFlood,
  webhooks
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
    profile: { type: 'string' }
  }
})

const bench = new Bench(resolve(values.dir), values.profile && resolve(values.profile))
try {
  await runAll(chosen(positionals))
} finally {
  await bench.close()
}

/** @throws {Error} for a name that no benchmark has */
function chosen(names: readonly string[]): readonly Scenario[] {
  const unknown = names.find(name => !scenarios.some(scenario => scenario.name === name))
  if (unknown === undefined) return scenarios.filter(({ name }) => names.length === 0 || names.includes(name))
  throw new Error(`no benchmark ${unknown}; there are ${scenarios.map(({ name }) => name).join(', ')}`)
}

async function runAll(wanted: readonly Scenario[]): Promise<void> {
  const machine = readMachine(bench.directory())
  if (!values.json) console.log(machineText(machine))
  const results: { name: string; figures: Figure[] }[] = []
  for (const scenario of wanted) {
    console.error(scenario.name)
    const figures = await scenario.run(bench)
    results.push({ name: scenario.name, figures: figures.map(withMark) })
    if (!values.json) console.log(`\n${scenarioText(scenario, figures)}`)
  }
  if (values.json) console.log(JSON.stringify({ machine, results }, null, 2))
}

function withMark(figure: Figure): Figure & { reached?: boolean } {
  return { ...figure, reached: isReached(figure) }
}

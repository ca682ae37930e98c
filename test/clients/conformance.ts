/**
 * `npm run conformance [-- client …] [--target URL]`: clients that people use come to the same directly and through foreman.
 *
 * Each runs its usual calls against a fake Ollama, and against foreman before an equal one; `conformance/clients.ts`
 * has them all. Without names all are run, and before them the examples of docs/clients.md that need more than Node.
 * With `--target` it is a real Ollama, directly and behind foreman; CHAT_MODEL, THINKING_MODEL and EMBED_MODEL name
 * models that it has. Prints the cases and the differences of each client, and exits 1 if there is any.
 *
 * Not part of the tests: it needs curl, Python 3, Go and the registries of packages. What it installs goes again.
 */
import { parseArgs } from 'node:util'
import { startFakeOllama } from '../fake-ollama/start.ts'
import { type Scope, startForeman } from '../helpers/foreman.ts'
import { type Client, clients } from './conformance/clients.ts'
import { type Comparison, compare } from './conformance/compare.ts'
import { Installation, run } from './conformance/install.ts'
import { token } from './conformance/run-script.ts'
import { openWays, openWaysTo } from './conformance/stage.ts'
import { examplesIn } from './examples.ts'

const { values, positionals } = parseArgs({ options: { target: { type: 'string' } }, allowPositionals: true })
const chosen = positionals.length === 0 ? clients : positionals.map(named)
const installation = new Installation()

if (positionals.length === 0 && values.target === undefined) await within(runExamples)
for (const client of chosen) tell(client, await within(t => compareOne(t, client)).catch(failed))

/** Does work in a scope of its own. */
async function within<T>(work: (t: Scope) => Promise<T>): Promise<T> {
  const closing: (() => unknown)[] = []
  try {
    return await work({ after: close => void closing.unshift(close) })
  } finally {
    for (const close of closing) await close()
  }
}

function named(name: string): Client {
  const found = clients.find(client => client.name === name)
  if (found === undefined)
    throw new Error(`no client ${name}; there are ${clients.map(({ name }) => name).join(', ')}`)
  return found
}

async function compareOne(t: Scope, client: Client): Promise<Comparison> {
  const command = await installation.command(client)
  const { target } = values
  const ways = await (target === undefined ? openWays(t) : openWaysTo(t, target))
  return compare(command, ways, { real: target !== undefined, lingers: client.lingers })
}

/** A client that cannot be run does not keep the others from it. */
function failed({ message }: Error): Comparison {
  return { cases: [], differences: [message] }
}

function tell({ name }: Client, { cases, differences }: Comparison): void {
  console.log(`${name}: ${cases.length} cases, ${differences.length} differences`)
  for (const difference of differences) console.log(`  ${difference}`)
  if (differences.length > 0) process.exitCode = 1
}

/** They do what the page says, with another address. */
async function runExamples(t: Scope): Promise<void> {
  const fake = await startFakeOllama()
  t.after(() => fake.kill())
  const { url } = await startForeman(t, { target: fake.url, settings: { plugins: { auth: { token } } } })
  const env = { ...process.env, FOREMAN_TOKEN: token, OLLAMA_API_KEY: token }
  const shell = examplesIn('sh', url).map(code => code.replaceAll('curl ', 'curl -sf '))
  for (const code of shell) await run('sh', ['-c', code], { env })
  const examples = examplesIn('python', url)
  for (const code of examples) {
    const { program, args } = await installation.python('-c', code)
    await run(program, args, { env })
  }
  console.log(
    `\nexamples of docs/clients.md: ${shell.length} for the shell and ${examples.length} in Python ran`
  )
}

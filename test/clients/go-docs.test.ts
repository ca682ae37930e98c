/**
 * What the Go client says of itself: its quick start is pasted as it stands, its API page is what the source says, and its
 * errors tell what to do.
 */
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { apiPage } from '../../clients/go/api-docs.ts'
import { paste } from '../docs/pasted.ts'
import { startFakeOllama } from '../fake-ollama/start.ts'
import { temporaryDir } from '../helpers/foreman.ts'

const clients = join(import.meta.dirname, '../../clients/go')

/** Where its own installation puts it, for a shell whose PATH does not have it. */
const usualGo = '/usr/local/go/bin/go'
const go = ['go', usualGo].find(program => spawnSync(program, ['version']).status === 0)
const skip = go === undefined && 'Go is not installed: nothing is proved of the pages of its client'
if (go === usualGo) process.env.PATH += delimiter + dirname(usualGo)

test('the quick start prints what it says', { skip }, async t => {
  // The library of Go itself, built for the first time, takes longer than a session may.
  execFileSync(go!, ['build', './...'], { cwd: clients })
  const [, , program, many, again] = await paste(t, '../clients/go/README.md')
  assert.match(program!, /^tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7\ndone, 8 tokens$/m)
  assert.match(many!, /^20 done, 0 of them handed in before$/m)
  assert.match(again!, /^20 done, 20 of them handed in before$/m)
})

// The same by every release of Go from 1.24 to 1.27.
test('api.md is what node clients/go/api-docs.ts makes', { skip }, () => {
  assert.equal(readFileSync(join(clients, 'api.md'), 'utf8'), apiPage(go))
})

test('the examples of the pages are right to the compiler', { skip }, t => {
  const pages = [join(clients, 'README.md'), join(clients, '../../docs/clients.md')]
  const examples = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/^```go\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)
  )
  assert.equal(examples.length, 4)
  for (const code of examples) build(t, programOf(code))
})

test('the likely mistakes are told with what to do about them', { skip }, async t => {
  const program = build(
    t,
    programOf(`func main() {
	for _, url := range os.Args[1:] {
		_, err := foreman.New(url, "").Get(context.Background(), "job_1")
		fmt.Println(err)
	}
}
`)
  )
  const fake = await startFakeOllama()
  t.after(() => fake.kill())
  const elsewhere = createServer((_, answer) =>
    answer.writeHead(302, { location: 'https://a.example/x' }).end()
  )
  await once(elsewhere.listen(0, '127.0.0.1'), 'listening')
  t.after(() => elsewhere.close())
  const { port } = elsewhere.address() as AddressInfo
  const urls = ['localhost:8080', fake.url, `http://127.0.0.1:${port}`]
  const { stdout } = await promisify(execFile)(program, urls)
  const [noUrl, target, redirect] = stdout.split('\n')
  assert.match(noUrl!, /the base URL "localhost:8080" .* such as http:\/\/127\.0\.0\.1:8080$/)
  assert.equal(target, "foreman: 404 (not foreman's own answer): 404 page not found")
  assert.match(redirect!, /: it leads to https:\/\/a\.example, and redirects are not followed$/)
})

/** Builds a program in a folder that is not there, so that its imports lead to what lies here. @returns the file */
function build(t: TestContext, code: string): string {
  const dir = temporaryDir(t)
  const [source, overlay, program] = ['main.go', 'overlay.json', 'program'].map(name => join(dir, name))
  writeFileSync(source!, code)
  const cwd = code.includes(packages.llm!) ? join(clients, 'llm') : clients
  writeFileSync(overlay!, JSON.stringify({ Replace: { [join(cwd, 'readme', 'main.go')]: source } }))
  execFileSync(go!, ['build', '-overlay', overlay!, '-o', program!, './readme'], { cwd, stdio: 'inherit' })
  return program!
}

const packages: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['context', 'fmt', 'io', 'log', 'net/http', 'os', 'time'].map(path => [path, path])),
  foreman: 'github.com/foreman-jobs/foreman/clients/go',
  llm: 'github.com/foreman-jobs/foreman/clients/go/llm',
  api: 'github.com/ollama/ollama/api'
}

/** An example with what its reader adds by himself: imports, and a function around statements. */
function programOf(code: string): string {
  const imports = Object.entries(packages)
    .filter(([name]) => new RegExp(`\\b${name.split('/').at(-1)}\\.`).test(code.replace(/"[^"]*"/g, '')))
    .map(([name, path]) => `import ${name.includes('/') ? '' : name} "${path}"\n`)
  const body = /^func /m.test(code) ? code : `func example(ctx context.Context) {\n${code}}\n`
  const context = body !== code && !/\bcontext\./.test(code) ? 'import "context"\n' : ''
  const main = /^func main\(/m.test(code) ? '' : 'func main() {}\n'
  return `package main\n\n${context}${imports.join('')}\n${body}\n${main}`
}

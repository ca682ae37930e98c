import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { priorities } from '../core/jobs/priority.ts'
import { demoModels } from '../deploy/demo/workload.ts'
import { temporaryDir } from './helpers/foreman.ts'

const root = join(import.meta.dirname, '..')
const program = join(root, 'deploy', 'demo', 'demo.ts')

interface Demo {
  readonly child: ChildProcess
  /** Folder its temporary files go to. */
  readonly dir: string
  /** Resolves with all of stdout so far once `pattern` is in it. */
  printed(pattern: RegExp): Promise<string>
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

function startDemo(t: TestContext, ...args: string[]): Demo {
  const dir = temporaryDir(t)
  const env = { PATH: process.env.PATH, TMPDIR: dir }
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const chunks: string[] = []
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  const stderr = text(child.stderr!)
  return {
    child,
    dir,
    async printed(pattern) {
      while (!pattern.test(chunks.join(''))) await once(child.stdout!, 'data')
      return chunks.join('')
    },
    ended: once(child, 'close').then(async ([code]) => ({
      code: code as number | null,
      stdout: chunks.join(''),
      stderr: await stderr
    }))
  }
}

function figuresAfter(stdout: string, row: string): number[] {
  const line = stdout.split('\n').find(text => text.trimStart().startsWith(row))
  return (line?.slice(line.indexOf(row) + row.length).match(/\d+(\.\d+)?/g) ?? []).map(Number)
}

/** Lines with every number and gap made the same: what does not change from run to run. */
function shapeOf(output: string): string[] {
  const lines = output.split('\n').map(line =>
    line
      .trim()
      .replace(/[\d.]+/g, '0')
      .replace(/ +/g, ' ')
  )
  return lines.filter(line => line !== '')
}

test('npm run demo -- --once runs every job, swaps less than arrival order would, and ends with 0', async t => {
  const demo = startDemo(t, '--once', '--speed', '10')
  const { code, stdout, stderr } = await demo.ended
  assert.equal(stderr, '')
  assert.equal(code, 0)
  const [interactive, normal, batch] = priorities.map(priority => figuresAfter(stdout, priority))
  assert.deepEqual(
    [interactive!.slice(0, 2), normal!.slice(0, 2), batch!.slice(0, 2)],
    [
      [26, 0],
      [24, 0],
      [32, 0]
    ]
  )
  const [loads, arrivalOrder] = figuresAfter(stdout, 'loads ')
  assert.ok(loads! >= demoModels.length, 'each model was loaded')
  assert.ok(arrivalOrder! > 2 * loads!, `${loads} loads against ${arrivalOrder}`)
  assert.deepEqual(figuresAfter(stdout, 'The server itself counted'), [loads, 1])
  assert.match(stdout, /82 of 82 done, +0 waiting/)
  const [, inReadme] = /<!-- output: npm run demo -->\n```\n([\s\S]*?)```/.exec(
    readFileSync(join(root, 'README.md'), 'utf8')
  )!
  const tables = shapeOf(inReadme!)
  assert.deepEqual(shapeOf(stdout).slice(-tables.length), tables, 'the README shows this output')
  assert.deepEqual(readdirSync(demo.dir), [])
})

test('the demo stays up and answers as it says, until Ctrl-C', async t => {
  const demo = startDemo(t, '--speed', '10')
  const stdout = await demo.printed(/ollama list/)
  const [, url, header, body] = /curl -i (\S+) -H '([^']+)' -d '([^']+)'/.exec(stdout)!
  const [name, value] = header!.split(': ') as [string, string]
  const answer = await fetch(url!, { method: 'POST', headers: { [name]: value }, body })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('foreman-job-id')!, /^job_/)
  assert.match(await answer.text(), /"done":true/)

  demo.child.kill('SIGINT')
  assert.equal((await demo.ended).code, 0)
  for (const [server] of stdout.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)) await assert.rejects(fetch(server))
  assert.deepEqual(readdirSync(demo.dir), [])
})

test('the demo stopped in the middle says so by its exit code and leaves nothing behind', async t => {
  const demo = startDemo(t, '--once')
  const stdout = await demo.printed(/82 calls/)
  demo.child.kill('SIGINT')
  assert.equal((await demo.ended).code, 1)
  for (const [server] of stdout.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)) await assert.rejects(fetch(server))
  assert.deepEqual(readdirSync(demo.dir), [])
})

test('the demo tells its usage for an option it does not know or a value that makes no sense', async t => {
  for (const args of [['--fast'], ['--seed', 'x'], ['--speed', '0']]) {
    const { code, stderr } = await startDemo(t, ...args).ended
    assert.equal(code, 1)
    assert.match(stderr, /^usage: npm run demo/)
  }
})

/** The command `foreman-jobs`, run as its users do, through deaths of foreman and of its own. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { type FakeOllama, type ModelConfig, startFakeOllama } from '../../fake-ollama/start.ts'
import { spawnForeman, temporaryDir } from '../../helpers/foreman.ts'
import { sse, vectors } from '../vector-files.ts'
import { commandFile, load } from './built.ts'
import { startSpeaking } from './speaking-server.ts'

const { Foreman } = await load('index')

interface Result {
  readonly line: number
  readonly job_id: string
  readonly state: string
  readonly text: string
}

test('submit --follow of 500 prompts over two kill -9 of foreman: 500 results, none twice', async t => {
  const stage = await startStage(t)
  const file = writePrompts(t, 500)
  const run = stage.command('submit', file, '--model', 'alpha', '--follow')
  await stage.fake.waitFor('generation_start')
  await stage.restart()
  await lines(resultsOf(file), 200)
  await stage.restart()
  const { code, err } = await run.ended
  assert.equal(code, 0, err)
  assert.match(err, /^foreman is away: .*: trying again$/m)
  assert.match(err, /^foreman is back$/m)
  assert.match(err, /^500\/500$/m)
  const expected = /^(foreman is away: .*: trying again|foreman is back|\d+\/500)$/
  assert.deepEqual(
    err
      .trim()
      .split('\n')
      .filter(line => !expected.test(line)),
    []
  )
  await assertEachOnce(stage, file, 500)
})

test('a submit --follow that is killed goes on by the same command', async t => {
  const stage = await startStage(t)
  const file = writePrompts(t, 150)
  const command = ['submit', file, '--model', 'alpha', '--follow'] as const
  const killed = stage.command(...command)
  await lines(resultsOf(file), 50)
  killed.child.kill('SIGKILL')
  await killed.ended
  // As a process leaves it that dies in the middle of a write.
  const had = readFileSync(resultsOf(file), 'utf8')
  writeFileSync(resultsOf(file), had.slice(0, -20))
  const { code, err } = await stage.command(...command).ended
  assert.equal(code, 0, err)
  assert.match(err, /^\d+ results are there already$/m)
  await assertEachOnce(stage, file, 150)
  const again = await stage.command(...command).ended
  assert.deepEqual([again.code, again.err], [0, '150 results are there already\n'])
  await assertEachOnce(stage, file, 150)
})

test('every form of a line becomes its job, and a line that is refused stops no other', async t => {
  const stage = await startStage(t)
  const file = join(temporaryDir(t), 'forms.ndjson')
  const forms = [
    '"one"',
    { prompt: 'two' },
    { messages: [{ role: 'user', content: 'three' }] },
    { request: { model: 'alpha', prompt: 'four' }, priority: 'normal' },
    { model: 'nobody', prompt: 'five' },
    { model: 'embedder', input: ['six'] }
  ]
  writeFileSync(
    file,
    forms.map(form => (typeof form === 'string' ? form : JSON.stringify(form))).join('\n\n')
  )
  const { code, err } = await stage.command('submit', file, '--model', 'alpha', '--follow').ended
  assert.equal(code, 1)
  assert.match(err, /^line 9 was refused: .*\(model_not_found\)$/m)
  const results = readResults(file)
  assert.deepEqual(results.map(({ line, state }) => `${line} ${state}`).sort(), [
    '1 done',
    '11 done',
    '3 done',
    '5 done',
    '7 done'
  ])
  const jobs = new Map<number, string>()
  for (const { line, job_id } of results) jobs.set(line, (await stage.foreman.get(job_id)).priority)
  assert.deepEqual([jobs.get(1), jobs.get(7)], ['batch', 'normal'])

  const handedIn = await stage.command('submit', file, '--model', 'alpha').ended
  assert.equal(handedIn.code, 1)
  const told = handedIn.out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.ok(told.length === 5 && told.every(({ replayed }) => replayed))
})

test('watch prints the text, cancel cancels, top shows the queue, and exit codes are those of --help', async t => {
  const stage = await startStage(t)
  const done = await stage.foreman.submit({ model: 'alpha', prompt: 'Why?' })
  const watched = await stage.command('watch', done.id).ended
  assert.equal(watched.code, 0)
  const { result } = await stage.foreman.wait(done.id)
  assert.equal(watched.out, `${(result as { response: string }).response}\n`)

  const long = await stage.foreman.submit({ model: 'alpha', prompt: 'Why?', options: { num_predict: 1e6 } })
  const watching = stage.command('watch', long.id)
  await once(watching.child.stdout!, 'data')
  const canceled = await stage.command('cancel', long.id, 'job_nobody').ended
  assert.equal(canceled.code, 1)
  assert.match(canceled.out, new RegExp(`^${long.id} cancel(ing|ed)\n$`))
  assert.match(canceled.err, /^job_nobody .*not_found/)
  assert.equal((await watching.ended).code, 1)

  const patient = await stage.foreman.submit({
    model: 'alpha',
    prompt: 'Why?',
    options: { num_predict: 1e6 }
  })
  const left = stage.command('watch', patient.id)
  await once(left.child.stdout!, 'data')
  left.child.kill('SIGINT')
  assert.equal((await left.ended).code, 130)
  assert.equal((await stage.foreman.get(patient.id)).state, 'working')
  await stage.foreman.cancel(patient.id)
  await stage.foreman.wait(patient.id)

  const top = await stage.command('top').ended
  assert.equal(top.code, 0)
  assert.match(top.out, /^0 of \d+ waiting.*\n\nMODEL .*\nalpha.* \* /)

  assert.equal((await stage.command('--help').ended).code, 0)
  assert.equal((await stage.command('sumbit').ended).code, 2)
  assert.equal((await stage.command('submit', 'nowhere.ndjson').ended).code, 2)
  assert.equal((await stage.command('watch', 'job_nobody').ended).code, 3)
})

test('watch ends with what it has where a piece of the text was lost, and says so', async t => {
  const { job_id, stream } = vectors('events').find(({ missing }) => missing !== undefined)!
  const { url } = await startSpeaking(t, answer => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' }).end(sse(stream))
  })
  const args = [commandFile, 'watch', job_id, '--url', url]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  assert.deepEqual([out, code], ['a🦙', 1])
  assert.match(err, /^\[text is missing: of content 0 there are 2 code points, .* begins at 3\]$/m)
})

function writePrompts(t: TestContext, many: number): string {
  const file = join(temporaryDir(t), 'prompts.ndjson')
  writeFileSync(file, Array.from({ length: many }, (_, n) => `${JSON.stringify(`Number ${n}`)}\n`).join(''))
  return file
}

function resultsOf(file: string): string {
  return file.replace('.ndjson', '.results.ndjson')
}

function readResults(file: string): Result[] {
  const text = readFileSync(resultsOf(file), 'utf8')
  assert.ok(text.endsWith('\n'))
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

/** So many lines have one result each, of a job each, and no job was made beside them. */
async function assertEachOnce({ foreman, fake }: Stage, file: string, many: number): Promise<void> {
  const results = readResults(file)
  const each = Array.from({ length: many }, (_, n) => n + 1)
  assert.deepEqual(
    results.map(({ line }) => line).sort((a, b) => a - b),
    each
  )
  assert.equal(new Set(results.map(({ job_id }) => job_id)).size, many)
  assert.ok(results.every(({ state, text }) => state === 'done' && text !== ''))
  let jobs = 0
  for await (const _job of foreman.list()) jobs += 1
  assert.equal(jobs, many)
  const { events } = await fake.state()
  // What ran when foreman died may have run once more, each of the two times.
  const runs = events.filter(({ type }) => type === 'generation_start').length
  assert.ok(runs >= many && runs <= many + 2, `${runs} runs`)
}

/** Waits until the file has so many lines. */
async function lines(path: string, count: number): Promise<void> {
  const dir = watch(join(path, '..'))
  const has = () => existsSync(path) && readFileSync(path, 'utf8').split('\n').length > count
  while (!has()) await once(dir, 'change', { signal: AbortSignal.timeout(20_000) })
  dir.close()
}

interface Stage {
  readonly url: string
  readonly fake: FakeOllama
  readonly foreman: InstanceType<typeof Foreman>
  command(...args: string[]): Run
  /** Kills foreman and starts it again where it was. */
  restart(): Promise<void>
}

async function startStage(t: TestContext): Promise<Stage> {
  const models: ModelConfig[] = [{ name: 'alpha' }, { name: 'embedder', capabilities: ['embedding'] }]
  const fake = await startFakeOllama({ models, token_count: 3, token_delay_ms: 1, event_log_limit: 1e6 })
  t.after(() => fake.kill())
  const settings = { retry: { backoff_s: 0.1 }, poll: { probe_max_s: 0.2 }, queue: { linger: 0 } }
  let foreman = await spawnForeman(t, { target: fake.url, settings })
  const { url, dataDir } = foreman
  return {
    ...{ url, fake, foreman: new Foreman({ baseUrl: url }) },
    command: (...args) => command(t, url, args),
    restart: async () => {
      await foreman.kill('SIGKILL')
      const again = { ...settings, port: Number(new URL(url).port) }
      foreman = await spawnForeman(t, { target: fake.url, settings: again, dataDir })
    }
  }
}

interface Run {
  readonly child: ChildProcess
  readonly ended: Promise<{ code: number | null; out: string; err: string }>
}

function command(t: TestContext, url: string, args: string[]): Run {
  const env = { PATH: process.env.PATH, FOREMAN_URL: url }
  const child = spawn(process.execPath, [commandFile, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill())
  const ended = async () => {
    const [[code], out, err] = await Promise.all([
      once(child, 'close'),
      text(child.stdout),
      text(child.stderr)
    ])
    return { code: code as number | null, out, err }
  }
  return { child, ended: ended() }
}

/** `foreman doctor` as a process: beside a real foreman or without one, for people and for machines; and its page. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Severity, severities } from '../../core/commands/doctor/finding.ts'
import { spawnForeman, temporaryDir } from '../helpers/foreman.ts'
import { foreman } from '../plugins/auth/command-line.ts'
import { startFake } from '../strength/support/rig.ts'
import { amissOf, doctor, runDoctor } from './doctor-stage.ts'
import { startHttp, unusedUrl } from './target/servers.ts'

const root = join(import.meta.dirname, '..', '..')

test('beside a foreman that is well all is well, and the exit code is 0', async t => {
  const fake = await startFake(t)
  const port = Number(new URL(await unusedUrl()).port)
  const settings = { plugins: { auth: {} }, port }
  const { dataDir } = await spawnForeman(t, { target: fake.url, settings })
  const { code, stdout, stderr } = await runDoctor(t, {
    ...settings,
    data_dir: dataDir,
    target: { url: fake.url }
  })
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^settings\n {2}ok {7}foreman listens on 127\.0\.0\.1 alone {2}\[settings\.sound\]\n/)
  assert.match(stdout, /a foreman holds the data directory now[\s\S]*accepts jobs[\s\S]*\n\nall is well\n$/)
})

test('models that foreman did not load are told, those that it loaded are not', async t => {
  const fake = await startFake(t)
  const { url, dataDir } = await spawnForeman(t, { target: fake.url })
  const ask = async (base: string, body: object) => {
    const response = await fetch(`${base}/api/generate`, { method: 'POST', body: JSON.stringify(body) })
    assert.equal(response.status, 200, await response.text())
  }
  const settings = { data_dir: dataDir, target: { url: fake.url } }
  await ask(url, { model: 'gamma', prompt: 'hi', options: { num_ctx: 2048 } })
  assert.deepEqual(amissOf((await doctor(t, settings)).findings), [])
  await ask(url, { model: 'gamma', prompt: 'hi', options: { num_ctx: 4096 } })
  await ask(url, { model: 'gamma', prompt: 'hi' })
  await ask(fake.url, { model: 'alpha' })
  await ask(fake.url, { model: 'beta', keep_alive: -1 })
  const { code, findings } = await doctor(t, settings)
  assert.equal(code, 0)
  assert.deepEqual(amissOf(findings), ['models.bypass', 'models.kept_forever', 'models.contexts_conflict'])
  assert.match(
    findings.at(-1)!.seen,
    /^gamma was loaded again 2 times \(\d+ s\) for num_ctx alone: none by (\w+); 2048 by \1; 4096 by \1$/
  )
  assert.match(findings.find(({ code }) => code === 'models.bypass')!.seen, /^alpha:latest is loaded/)
  assert.match(findings.find(({ code }) => code === 'models.kept_forever')!.mend!, /ollama stop beta:latest/)
})

test('two slots that do not hold are told while foreman runs, and named with their likely cause', async t => {
  const embed = { name: 'embed', capabilities: ['embedding' as const] }
  const fake = await startFake(t, { models: [embed, { name: 'alpha' }], max_loaded: 1 })
  const { url, dataDir, logged, kill } = await spawnForeman(t, {
    target: fake.url,
    settings: { poll: { ps_s: 0.2 } }
  })
  const settings = { data_dir: dataDir, target: { url: fake.url } }
  const generate = () =>
    fetch(`${url}/api/generate`, { method: 'POST', body: '{"model":"alpha","prompt":"hi"}' }).then(response =>
      response.text()
    )
  let gone = false
  const noticed = logged('the target does not keep the embedding model').then(() => {
    gone = true
  })
  while (!gone) await generate()
  await noticed
  const { code, findings } = await doctor(t, settings)
  assert.deepEqual([code, amissOf(findings)], [1, ['models.slots_do_not_hold']])
  assert.match(
    findings.find(({ code }) => code === 'models.slots_do_not_hold')!.mend!,
    /OLLAMA_MAX_LOADED_MODELS/
  )
  await kill()
  assert.deepEqual(amissOf((await doctor(t, settings)).findings), [])
})

test('a wrong token is a fault: told last, with what to do, and the exit code is 1', async t => {
  const guarded = await startHttp(t, ({ headers }, response) => {
    const good = headers.authorization === 'Bearer right'
    response.writeHead(good ? 200 : 401).end(good ? '{"version":"0.33.0"}' : '')
  })
  const settings = { data_dir: temporaryDir(t), target: { url: guarded, token: 'wrong' } }
  const told = await runDoctor(t, settings)
  assert.deepEqual([told.code, told.stderr], [1, ''])
  assert.match(
    told.stdout,
    /\n\nto mend\n {2}fault {4}.*\[target\.token_refused\]\n {11}→ set .*\n\n1 fault, 0 warnings\n$/
  )
  assert.doesNotMatch(told.stdout, /wrong/)
  const right = await doctor(t, { ...settings, target: { url: guarded, token: 'right' } })
  assert.ok(!amissOf(right.findings).includes('target.token_refused'))
})

test('for machines it is one JSON text, with a fault as with none', async t => {
  const { code, stdout, findings } = await doctor(t, {
    data_dir: temporaryDir(t),
    target: { url: await unusedUrl() }
  })
  const { ok } = JSON.parse(stdout)
  assert.deepEqual([code, ok, amissOf(findings)], [1, false, ['target.refused']])
  for (const { code, severity, seen, mend } of findings)
    assert.deepEqual(
      [severities[code], seen.length > 0, mend === undefined],
      [severity, true, severity === 'ok']
    )
})

test('faults of the file of settings are told as at a start', async t => {
  const settings = { data_dir: temporaryDir(t), plugins: { atuh: {} } }
  const plugin = await runDoctor(t, settings)
  assert.equal(plugin.code, 1)
  assert.match(plugin.stderr, /^foreman: .*\n {2}plugins\.atuh: .*nearest built-in plugin is auth/)
  const unknown = await foreman(['doctor', 'head'], { dataDir: settings.data_dir })
  assert.deepEqual([unknown.code, unknown.stderr.split('\n')[0]], [1, 'foreman: unexpected: head'])
})

test('docs/doctor.md lists every code with its severity, and no other', () => {
  const page = readFileSync(join(root, 'docs/doctor.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z_.]+)` \| (ok|warning|fault) \| [^|]+ \|$/gm)]
  assert.deepEqual(
    rows.map(([, code, severity]) => [code, severity]),
    Object.entries<Severity>(severities)
  )
})

test('every code that tells of something amiss has a test that makes it tell', () => {
  const tests = globSync('test/core/doctor*.test.ts', { cwd: root })
  const text = tests.map(path => readFileSync(join(root, path), 'utf8')).join('\n')
  const untested = Object.entries<Severity>(severities).filter(
    ([code, severity]) => severity !== 'ok' && !text.includes(`'${code}'`)
  )
  assert.deepEqual(untested, [])
})

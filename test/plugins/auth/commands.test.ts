/** `foreman token` and `foreman key` as processes: beside a running server, without one, and before the first start. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openBeside } from '../../../core/database/open.ts'
import { unusedUrl } from '../../core/target/servers.ts'
import { spawnForeman, temporaryDir } from '../../helpers/foreman.ts'
import { type Ended, foreman, type Place } from './command-line.ts'
import { newKey } from './ssh-keys.ts'

const settings = { plugins: { auth: {} } }
const form = /^fm_[0-9a-z]{26}_[0-9A-Za-z]{38}\n$/

/** Runs a command that is to succeed. @returns what it wrote to stdout */
async function succeeds(args: readonly string[], place: Place): Promise<Ended> {
  const ended = await foreman(args, place)
  assert.equal(ended.code, 0, ended.stderr)
  return ended
}

/** The tokens that `list --json` shows, the oldest first. */
async function listed(place: Place): Promise<Record<string, unknown>[]> {
  return JSON.parse((await succeeds(['token', 'list', '--json'], place)).stdout)
}

/** A server with the plugin on, as a process of its own. */
async function startServer(t: TestContext) {
  const { url, dataDir } = await spawnForeman(t, { target: await unusedUrl(), settings })
  const statusOf = async (token: string, path = '/whoami') =>
    (await fetch(url + path, { headers: { authorization: `Bearer ${token.trim()}` } })).status
  return { place: { dataDir }, statusOf }
}

function auditOf({ dataDir }: Place): unknown[] {
  const { db, close } = openBeside(dataDir)
  const rows = db
    .prepare("SELECT action, object, result FROM audit WHERE actor = 'command' ORDER BY seq")
    .all()
  close()
  return rows
}

test('a token that is made, rotated and revoked beside a server is good, and is no more, at once', async t => {
  const { place, statusOf } = await startServer(t)
  const made = await succeeds(['token', 'create', '--name', 'ci', '--scopes', 'inference,jobs:read'], place)
  assert.match(made.stdout, form)
  assert.match(made.stderr, /tok_[0-9a-z]{26}/)
  assert.ok(!made.stderr.includes(made.stdout.trim().slice(-38)), 'stderr often ends up in a log')
  assert.equal(await statusOf(made.stdout), 200)
  assert.equal(await statusOf(made.stdout, '/tokens'), 403)
  const id = `tok_${made.stdout.slice(3, 29)}`
  const next = await succeeds(['token', 'rotate', id, '--overlap', '1h'], place)
  assert.match(next.stdout, form)
  assert.deepEqual([await statusOf(made.stdout), await statusOf(next.stdout)], [200, 200])
  const nextId = `tok_${next.stdout.slice(3, 29)}`
  for (const one of [id, nextId]) await succeeds(['token', 'revoke', one], place)
  assert.deepEqual([await statusOf(made.stdout), await statusOf(next.stdout)], [401, 401])
  assert.deepEqual(auditOf(place), [
    { action: 'token.create', object: id, result: 'ok' },
    { action: 'token.rotate', object: id, result: 'ok' },
    { action: 'token.revoke', object: id, result: 'ok' },
    { action: 'token.revoke', object: nextId, result: 'ok' }
  ])
})

test('before the first start a token can be made, and an admin token so keeps the start from making one', async t => {
  const place = { dataDir: join(temporaryDir(t), 'data') }
  const { stdout } = await foreman(['token', 'create', '--name', 'me', '--scopes', 'admin'], {
    dataDir: temporaryDir(t),
    env: { FOREMAN_DATA_DIR: place.dataDir }
  })
  const { url } = await spawnForeman(t, { target: await unusedUrl(), settings, dataDir: place.dataDir })
  const headers = { authorization: `Bearer ${stdout.trim()}` }
  const { data } = (await (await fetch(`${url}/tokens`, { headers })).json()) as { data: { name: string }[] }
  assert.deepEqual(
    data.map(({ name }) => name),
    ['me']
  )
  assert.throws(() => readFileSync(join(place.dataDir, 'admin-token')), { code: 'ENOENT' })
})

test('every option of create is kept, and the list shows it', async t => {
  const place = { dataDir: temporaryDir(t) }
  const before = Date.now()
  const limits = ['--models', 'llama3.2, qwen*', '--top-priority', 'batch', '--max-queued', '9']
  const rates = ['--requests-per-minute', '600', '--jobs-per-minute', '60', '--addresses', '10.0.0.0/8,::1']
  const args = ['--name', 'all of it', '--scopes', 'inference,inference', '--expires-in', '30d']
  await succeeds(['token', 'create', ...args, ...limits, ...rates], place)
  const [token] = await listed(place)
  assert.deepEqual(token!.limits, {
    models: ['llama3.2', 'qwen*'],
    top_priority: 'batch',
    max_queued: 9,
    requests_per_minute: 600,
    jobs_per_minute: 60,
    addresses: ['10.0.0.0/8', '::1']
  })
  assert.deepEqual([token!.name, token!.scopes, token!.kind], ['all of it', ['inference'], 'secret'])
  const life = Date.parse(token!.expires_at as string) - before
  assert.ok(life >= 30 * 86_400_000 && life < 30 * 86_400_000 + 60_000, String(life))
  const { stdout } = await succeeds(['token', 'list'], place)
  assert.equal(stdout.trim().split('\n').length, 2)
  for (const part of [token!.id, 'good', 'qwen*', '10.0.0.0/8', token!.expires_at, 'all of it'])
    assert.ok(stdout.includes(String(part)), `${part} in\n${stdout}`)
})

test('a list tells what is good, what has expired and what was revoked, and shows no secret', async t => {
  const place = { dataDir: temporaryDir(t) }
  const create = (name: string) => succeeds(['token', 'create', '--name', name, '--scopes', 'metrics'], place)
  const texts = [await create('one'), await create('two'), await create('three')]
  const [, second, third] = await listed(place)
  await succeeds(['token', 'rotate', String(second!.id), '--overlap', '0s'], place)
  await succeeds(['token', 'revoke', String(third!.id)], place)
  const { stdout } = await succeeds(['token', 'list'], place)
  const states = stdout.split('\n').slice(1, 4)
  for (const [at, state] of ['good', 'expired', 'revoked'].entries())
    assert.match(states[at]!, new RegExp(state))
  for (const { stdout: text } of texts) assert.ok(!stdout.includes(text.trim().slice(-38)))
})

test('a key is enrolled once, listed, revoked as a token, and enrolled anew', async t => {
  const dataDir = temporaryDir(t)
  const key = newKey()
  const place = { dataDir, stdin: `ssh-ed25519 ${key.blob} me@laptop\n` }
  const { stdout } = await succeeds(['key', 'add', '--models', 'llama*'], place)
  assert.match(stdout, /tok_[0-9a-z]{26} .*SHA256:/)
  const [token] = await listed(place)
  const { kind, name, scopes, limits } = token!
  assert.deepEqual([kind, name, scopes, limits], ['key', 'me@laptop', ['inference'], { models: ['llama*'] }])
  const again = await foreman(['key', 'add'], place)
  assert.equal(again.code, 1)
  assert.match(again.stderr, new RegExp(`enrolled as ${token!.id}`))
  const rotated = await foreman(['token', 'rotate', String(token!.id)], place)
  assert.match(rotated.stderr, /^foreman: .*stands for a key/)
  await succeeds(['token', 'revoke', String(token!.id)], place)
  await succeeds(['key', 'add', '--name', 'again'], place)
  assert.deepEqual(
    (await listed(place)).map(one => one.name),
    ['me@laptop', 'again']
  )
})

const create = ['token', 'create', '--name', 'x', '--scopes', 'inference']

for (const [args, said] of [
  [['token'], /create, list, rotate or revoke/],
  [['token', 'destroy'], /create, list, rotate or revoke/],
  [['token', 'create', '--scopes', 'inference'], /--name needs 1 to 100 characters/],
  [['token', 'create', '--name', 'x'], /--scopes is missing; the scopes are inference, .*admin/],
  [['token', 'create', '--name', 'x', '--scopes', 'inferense,admin'], /no scope inferense; the scopes are/],
  [[...create, '--expires-in', '5'], /"5" is no time such as 30d/],
  [[...create, '--expires-in', '0s'], /--expires-in needs a time to come/],
  [[...create, '--top-priority', 'high'], /top_priority must be one of interactive, normal, batch/],
  [[...create, '--max-queued', 'many'], /max_queued/],
  [[...create, '--addresses', '10.0.0.0/33'], /addresses\/0 must be an address or a range/],
  [[...create, '--models', 'a*b'], /models\/0 must be the name of a model/],
  [[...create, '--colour', 'red'], /Unknown option '--colour'/],
  [['token', 'revoke'], /which token/],
  [['token', 'revoke', 'tok_none'], /there is no token tok_none; "foreman token list"/],
  [['token', 'rotate', 'tok_none'], /there is no token tok_none/],
  [['token', 'rotate', 'tok_none', '--overlap', '8d'], /--overlap is 7d at most/],
  [['key', 'add'], /there is no key here/],
  [['key'], /usage: foreman key add/]
] as const) {
  test(`foreman ${args.join(' ')} ends with 1 and says what is wrong`, async t => {
    const place = { dataDir: temporaryDir(t) }
    const { code, stdout, stderr } = await foreman(args, place)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, said)
    assert.doesNotMatch(stderr, /^\s+at /m)
  })
}

test('commands at once, beside a server that works with tokens, wait for each other and lose nothing', async t => {
  const { place, statusOf } = await startServer(t)
  const admin = readFileSync(join(place.dataDir, 'admin-token'), 'utf8')
  const names = ['one', 'two', 'three', 'four']
  let working = true
  const work = (async () => {
    const seen = new Set<number>()
    while (working) seen.add(await statusOf(admin))
    return [...seen]
  })()
  const made = await Promise.all(
    names.map(name => succeeds(['token', 'create', '--name', name, '--scopes', 'inference'], place))
  )
  working = false
  assert.deepEqual(await work, [200])
  for (const { stdout } of made) assert.equal(await statusOf(stdout), 200)
  const all = await listed(place)
  assert.deepEqual(all.map(({ name }) => name).sort(), ['first', ...names].sort())
})

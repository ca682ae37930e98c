/** How the first administrator gets in: the file of the first start, or a token of the configuration. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBeside, openStore } from '../../../core/database/open.ts'
import { loadSettings } from '../../../core/settings.ts'
import { configuredToken } from '../../../plugins/auth/first-token.ts'
import { TokenStore } from '../../../plugins/auth/token-store.ts'
import { unusedUrl } from '../../core/target/servers.ts'
import { spawnForeman, startForeman, temporaryDir } from '../../helpers/foreman.ts'
import { foreman } from './command-line.ts'

const settings = { plugins: { auth: {} } }
const configured = 'a token of any form, 20+'

async function statusOf(url: string, token: string, path = '/tokens'): Promise<number> {
  return (await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })).status
}

test('the first start writes an admin token for its owner alone, and logs where and never what', async t => {
  const first = await spawnForeman(t, { target: await unusedUrl(), settings })
  const file = join(first.dataDir, 'admin-token')
  const token = readFileSync(file, 'utf8')
  assert.match(token, /^fm_[0-9a-z]{26}_[0-9A-Za-z]{38}\n$/)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(await statusOf(first.url, token.trim()), 200)
  assert.equal((await first.logged('an admin token was made')).file, file)
  assert.ok(!JSON.stringify(first.logs).includes(token.trim().slice(-38)))
  assert.deepEqual(
    readdirSync(first.dataDir).filter(name => name.startsWith('admin-token')),
    ['admin-token']
  )
})

test('a later start makes none, also where the file is gone', async t => {
  const target = await unusedUrl()
  const { app, dataDir } = await startForeman(t, { target, settings })
  const token = readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()
  await app.close()
  rmSync(join(dataDir, 'admin-token'))
  const again = await startForeman(t, { target, settings, dataDir })
  assert.equal(existsSync(join(dataDir, 'admin-token')), false)
  assert.equal(await statusOf(again.url, token), 200)
})

test('a start where no admin token is good any more makes one', async t => {
  const target = await unusedUrl()
  const dataDir = temporaryDir(t)
  const { db, secrets, close } = openStore(dataDir)
  const tokens = new TokenStore(db, secrets)
  const draft = { name: 'old', limits: {} }
  tokens.revoke(tokens.create({ ...draft, scopes: ['admin'] }).token.id, Date.now())
  tokens.create({ ...draft, scopes: ['admin'], expiresAt: Date.now() })
  tokens.create({ ...draft, scopes: ['inference'] })
  close()
  const { url } = await startForeman(t, { target, settings, dataDir })
  const token = readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()
  assert.equal(await statusOf(url, token), 200)
})

test('a file that cannot be written stops the start, and leaves no token that nobody has', async t => {
  const target = await unusedUrl()
  const dataDir = temporaryDir(t)
  mkdirSync(join(dataDir, 'admin-token'))
  await assert.rejects(startForeman(t, { target, settings, dataDir }), /admin-token/)
  const { db, secrets, close } = openBeside(dataDir)
  assert.deepEqual(new TokenStore(db, secrets).list(), [])
  close()
  rmSync(join(dataDir, 'admin-token'), { recursive: true })
  const { url } = await startForeman(t, { target, settings, dataDir })
  assert.equal(await statusOf(url, readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()), 200)
})

test('a token of the configuration has every scope, and then no file is written', async t => {
  const auth = { token: configured }
  const { url, dataDir } = await startForeman(t, {
    target: await unusedUrl(),
    settings: { plugins: { auth } }
  })
  assert.equal(existsSync(join(dataDir, 'admin-token')), false)
  const headers = { 'x-api-key': configured }
  assert.equal((await fetch(`${url}/tokens`, { headers })).status, 200)
  const who = (await (await fetch(`${url}/whoami`, { headers })).json()) as Record<string, unknown>
  assert.deepEqual([who.id, who.owner, who.expires_at, who.limits], [null, 'configured', null, {}])
  assert.ok((who.scopes as string[]).includes('admin') && (who.scopes as string[]).includes('metrics'))
  for (const wrong of [configured.slice(1), `${configured}x`, configured.toUpperCase()])
    assert.equal((await fetch(`${url}/tokens`, { headers: { 'x-api-key': wrong } })).status, 401, wrong)
})

test('a token file is read without the blanks around it', t => {
  const file = join(temporaryDir(t), 'token')
  writeFileSync(file, `\n ${configured}\r\n`)
  const isConfigured = configuredToken({ token_file: file })!
  assert.deepEqual(
    [isConfigured(configured), isConfigured(` ${configured}`), isConfigured('')],
    [true, false, false]
  )
  assert.equal(configuredToken({}), undefined)
})

test('a token file with nothing in it counts as none, as an empty variable does', async t => {
  const file = join(temporaryDir(t), 'token')
  writeFileSync(file, ' \n')
  const { url, dataDir } = await startForeman(t, {
    target: await unusedUrl(),
    settings: { plugins: { auth: { token_file: file } } }
  })
  assert.equal(await statusOf(url, readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()), 200)
  for (const empty of ['', ' ']) assert.equal(await statusOf(url, empty), 401)
})

for (const [what, env, said] of [
  [
    'a token that is too short',
    { FOREMAN_TOKEN: 'nineteen-characters' },
    /plugins\.auth\.token: .*20 .*FOREMAN_TOKEN\b/
  ],
  [
    'a token file that is not there',
    { FOREMAN_TOKEN_FILE: 'none' },
    /token_file: cannot be read.*FOREMAN_TOKEN_FILE/
  ],
  [
    'a token file of too little',
    { FOREMAN_TOKEN_FILE: 'short' },
    /token_file: expected .*20 .*FOREMAN_TOKEN_FILE/
  ]
] as const) {
  test(`${what} ends the start with 1, names the variable, and shows neither token nor stack`, async t => {
    const dataDir = temporaryDir(t)
    writeFileSync(join(dataDir, 'short'), 'nineteen-characters')
    const { code, stderr } = await foreman(['serve'], { dataDir, env: { ...env, FOREMAN_PORT: '0' } })
    assert.equal(code, 1)
    assert.match(stderr, said)
    assert.doesNotMatch(stderr, /^\s+at /m)
    assert.ok(!stderr.includes('nineteen-characters'))
  })
}

test('FOREMAN_TOKEN counts where the settings switch the plugin on without options', t => {
  const dataDir = temporaryDir(t)
  writeFileSync(join(dataDir, 'foreman.yaml'), 'plugins: { auth: true }')
  const { plugins } = loadSettings({ env: { FOREMAN_TOKEN: configured }, cwd: dataDir })
  assert.deepEqual(plugins.auth, { token: configured })
})

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { examinePlugins } from '../../../core/commands/doctor/plugins.ts'
import { ConfigError } from '../../../core/settings.ts'
import { namedProxy } from '../../../plugins/webhooks/named-proxy.ts'
import { plainSettings } from '../../core/doctor-stage.ts'
import { type SettingsPart, startForeman } from '../../helpers/foreman.ts'

const nobody = 'http://127.0.0.1:9'
const unreadable = { plugins: { webhooks: { allow: ['hooks.lan:443', 'hooks.lan', '10.0.0.0/99:80'] } } }

/** Starts beside a proxy. @returns what the start warned of */
async function warningsOf(t: TestContext, webhooks: SettingsPart): Promise<string[]> {
  const before = process.env.HTTPS_PROXY
  process.env.HTTPS_PROXY = 'http://proxy.lan:3128'
  t.after(() => {
    if (before === undefined) delete process.env.HTTPS_PROXY
    else process.env.HTTPS_PROXY = before
  })
  const lines: string[] = []
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)).msg)
      done()
    }
  })
  const settings = { plugins: { webhooks } }
  await startForeman(t, { target: nobody, settings }, { logger: { stream, level: 'warn' } })
  return lines.filter(line => line.includes('HTTPS_PROXY'))
}

test('a start is refused where an entry of the allow list cannot be read, and says which', async t => {
  const start = startForeman(t, { target: nobody, settings: unreadable })
  const fault = await start.then(
    () => assert.fail('it started'),
    (error: ConfigError) => error
  )
  assert.ok(fault instanceof ConfigError)
  const told = fault.faults.map(({ path, problem }) => `${path}: ${problem}`)
  assert.equal(told.length, 2)
  assert.match(told[0]!, /^plugins\.webhooks\.allow: .*hooks\.lan.*a host with its port/)
  assert.match(told[1]!, /^plugins\.webhooks\.allow: .*10\.0\.0\.0\/99:80/)
})

test('the doctor tells what a start would refuse', async t => {
  const findings = await examinePlugins({ ...plainSettings(t), plugins: unreadable.plugins })
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['settings.plugin_unusable', 'settings.plugin_unusable']
  )
  assert.match(findings[0]!.seen, /^plugins\.webhooks\.allow: /)
})

test('beside a proxy it says that webhooks are sent past it, unless somebody decided that', async t => {
  assert.match(
    (await warningsOf(t, {}))[0]!,
    /sent past it, unless plugins\.webhooks\.proxy_trusted is true$/
  )
  for (const proxy_trusted of [true, false]) assert.deepEqual(await warningsOf(t, { proxy_trusted }), [])
})

test('each variable that clients read names a proxy, an empty one does not', () => {
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']) {
    assert.equal(namedProxy({ [name]: 'http://proxy.lan:3128' }), name)
    assert.equal(namedProxy({ [name]: '' }), undefined)
  }
  assert.equal(namedProxy({ NO_PROXY: '*' }), undefined)
})

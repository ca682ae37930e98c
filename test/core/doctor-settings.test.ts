/** What the doctor says of settings that are fine each by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { examinePlugins } from '../../core/commands/doctor/plugins.ts'
import { examineSettings } from '../../core/commands/doctor/settings.ts'
import type { SettingsPart } from '../helpers/foreman.ts'
import { amissOf, plainSettings } from './doctor-stage.ts'

const open = { auth: false }
const rows: readonly [what: string, settings: SettingsPart, codes: readonly string[]][] = [
  ['the defaults', {}, []],
  ['auth off on loopback', { plugins: open }, ['settings.auth_off']],
  ['auth off beyond it', { plugins: open, host: '0.0.0.0' }, ['settings.host_refused']],
  ['auth off by intent', { plugins: open, host: '0.0.0.0', open_to_everyone: true }, ['settings.auth_off']],
  ['beyond loopback without a proxy', { host: '::' }, ['settings.no_tls']],
  ['beyond loopback behind one', { host: '0.0.0.0', trust_proxy: ['10.0.0.2/32'] }, []],
  ['proxies by name and net', { trust_proxy: ['loopback', '127.0.0.0/8', 'fd00::/8', '10.0.0.0/8'] }, []],
  ['a proxy that is no address', { trust_proxy: ['nginx'] }, ['settings.proxy_unknown']],
  ['a net that a start refuses', { trust_proxy: ['0.0.0.0/0'] }, ['settings.proxy_unknown']],
  ['everybody as a proxy', { trust_proxy: ['128.0.0.0/1'] }, ['settings.proxy_everyone']],
  ['everybody as a proxy by IPv6', { trust_proxy: ['2000::/3'] }, ['settings.proxy_everyone']],
  [
    'patience as long as the start limit',
    { limits: { attached_start_timeout_s: 15 } },
    ['settings.never_due']
  ],
  ['a start limit above patience', { limits: { attached_start_timeout_s: 16 } }, []],
  [
    'a run that ends before its silence',
    { limits: { run_timeout_s: 300 } },
    ['settings.never_reached', 'settings.never_reached']
  ],
  ['a run that outlasts them', { limits: { run_timeout_s: 901 } }, []]
]

for (const [what, settings, codes] of rows) {
  test(`settings: ${what}: ${codes.length === 0 ? 'silence' : codes.join(', ')}`, t => {
    assert.deepEqual(amissOf(examineSettings(plainSettings(t, settings))), codes)
  })
}

test('plugins are held against what a start wants of them: options, and each other', async t => {
  assert.deepEqual(await examinePlugins(plainSettings(t)), [])
  const findings = await examinePlugins(
    plainSettings(t, { plugins: { auth: { path_prefiks: true }, jobs: { nonsense: 1 } } })
  )
  assert.deepEqual(amissOf(findings), ['settings.plugin_unusable', 'settings.plugin_unusable'])
  assert.match(findings[0]!.seen, /^plugins\.auth\.path_prefiks: unknown key.*path_prefix/)
})

/** The unit as systemd's own tools read it, and its figures against what foreman does. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadSettings } from '../../core/settings.ts'
import { launchForeman, spawnForeman, temporaryDir } from '../helpers/foreman.ts'

const root = join(import.meta.dirname, '../..')
const unit = readFileSync(join(root, 'deploy/systemd/foreman.service'), 'utf8')
const isThere = spawnSync('systemd-analyze', ['--version']).status === 0
const skip = isThere ? false : 'systemd-analyze is not installed: systemd has not read the unit'
/** As `systemd-analyze security` counts, 0 to 10: what is left is the network, and that Node compiles at run time. */
const mostExposure = 20

/** The unit as it would be installed, in front of this checkout, with its drop-in for the token. */
function installed(t: TestContext): string {
  const dir = temporaryDir(t)
  const file = join(dir, 'foreman.service')
  writeFileSync(file, unit.replaceAll('/opt/foreman', root))
  mkdirSync(`${file}.d`)
  writeFileSync(join(`${file}.d`, 'token.conf'), readFileSync(join(root, 'deploy/systemd/token.conf')))
  return file
}

const settingOf = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]

test('systemd reads the unit and its drop-in without a complaint', { skip }, t => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', installed(t)], {
    encoding: 'utf8'
  })
  assert.deepEqual([status, stdout, stderr], [0, '', ''])
})

test('what the unit leaves open is little', { skip }, t => {
  const args = ['security', '--offline=true', `--threshold=${mostExposure}`, installed(t)]
  const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  assert.equal(status, 0, stdout.slice(-300))
})

test('the unit gives a stop more time than foreman takes, and does not restart the second of two', async t => {
  const { limits } = loadSettings({ env: {}, cwd: temporaryDir(t) })
  assert.ok(Number(settingOf('TimeoutStopSec')) > limits.shutdown_s)
  const first = await spawnForeman(t, { target: 'http://127.0.0.1:9' })
  const second = await launchForeman(t, { target: 'http://127.0.0.1:9', dataDir: first.dataDir }).exited
  assert.equal(String(second.code), settingOf('RestartPreventExitStatus'))
  const { code } = await first.kill('SIGTERM')
  assert.deepEqual([code, settingOf('Restart')], [0, 'on-failure'])
})

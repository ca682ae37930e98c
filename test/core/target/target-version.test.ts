import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TargetVersion } from '../../../core/target/target-version.ts'

test('changed tells of each new version, but not of the first that is known', () => {
  const version = new TargetVersion()
  const changes: string[][] = []
  version.on('changed', (to, from) => changes.push([from, to]))
  version.note({ version: '0.1.0' })
  version.note({ version: '0.1.0' })
  assert.deepEqual([version.current, changes], ['0.1.0', []])
  version.note({ version: '0.2.0' })
  assert.deepEqual([version.current, changes], ['0.2.0', [['0.1.0', '0.2.0']]])
})

test('an upgrade while foreman was away is a change', () => {
  const version = new TargetVersion('0.1.0')
  const changes: string[] = []
  version.on('changed', to => changes.push(to))
  version.note({ version: '0.2.0' })
  assert.deepEqual(changes, ['0.2.0'])
})

test('an answer without a version says nothing', () => {
  const version = new TargetVersion('0.1.0')
  version.on('changed', () => assert.fail('nothing has changed'))
  for (const answer of [undefined, null, {}, 'text', { version: 7 }, { version: '' }]) version.note(answer)
  assert.equal(version.current, '0.1.0')
})

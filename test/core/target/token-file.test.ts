/** The token for the target, from the settings or from a file of its own. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { targetToken } from '../../../core/target/token-file.ts'
import { startForeman, temporaryDir } from '../../helpers/foreman.ts'
import { startHttp } from './servers.ts'

test('the token in target.token_file is sent to the target', async t => {
  const seen = new Set<string | undefined>()
  const target = await startHttp(t, (req, res) => {
    seen.add(req.headers.authorization)
    res.end('{}')
  })
  const token_file = join(temporaryDir(t), 'token')
  writeFileSync(token_file, 'of the target\n')
  const { url } = await startForeman(t, { target, settings: { target: { url: target, token_file } } })
  await fetch(`${url}/api/tags`)
  assert.deepEqual([...seen], ['Bearer of the target'])
})

test('target.token goes before the file, and an empty file counts as none', t => {
  const file = join(temporaryDir(t), 'token')
  writeFileSync(file, '\n')
  assert.equal(targetToken({ token_file: file }), undefined)
  assert.equal(targetToken({ token: 'own', token_file: join(file, 'none') }), 'own')
  assert.equal(targetToken({}), undefined)
})

test('a file that cannot be read is named with its key', t => {
  const token_file = join(temporaryDir(t), 'none')
  assert.throws(() => targetToken({ token_file }), {
    name: 'ConfigError',
    message: /target\.token_file: cannot be read.*FOREMAN_TARGET_TOKEN_FILE/s
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readResidency } from '../../../core/target/residency.ts'
import { startFakeOllama } from '../../fake-ollama/start.ts'
import { startClient, startHttp, unusedUrl } from './servers.ts'

test('what is loaded is told with sizes, expiry and context', async t => {
  const fake = await startFakeOllama({
    models: [{ name: 'a', digest: 'a'.repeat(64), size_bytes: 3e9, vram_bytes: 2e9, context_length: 8192 }]
  })
  t.after(() => fake.kill())
  const client = startClient(t, fake.url)
  assert.deepEqual(await readResidency(client), [])
  await client.json('POST', '/api/generate', { model: 'A', keep_alive: -1, options: { num_ctx: 1024 } })
  const [loaded] = await readResidency(client)
  assert.ok(loaded?.expiresAt)
  assert.ok(loaded.expiresAt.getUTCFullYear() > 2200)
  assert.deepEqual(
    { ...loaded, expiresAt: undefined },
    {
      name: 'a:latest',
      digest: 'a'.repeat(64),
      sizeBytes: 3e9,
      vramBytes: 2e9,
      expiresAt: undefined,
      contextLength: 1024
    }
  )
})

test('fields that are missing are empty, an answer without a list is none', async t => {
  const answers = ['{"models":[{"model":"a","size":"x"},null]}', '{"models":null}', '[]', '"x"', '{}', '']
  const url = await startHttp(t, (_req, res) => res.end(answers.shift()))
  const client = startClient(t, url)
  const nothing = { digest: '', sizeBytes: 0, vramBytes: 0, expiresAt: undefined, contextLength: undefined }
  assert.deepEqual(await readResidency(client), [
    { name: 'a', ...nothing },
    { name: '', ...nothing }
  ])
  assert.deepEqual(await readResidency(client), [])
  for (const _ of [1, 2, 3, 4]) await assert.rejects(readResidency(client), { kind: 'protocol' })
})

test('a target that is away is an error, not an empty list', async t => {
  await assert.rejects(readResidency(startClient(t, await unusedUrl())), { kind: 'refused' })
})

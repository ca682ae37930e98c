/**
 * When the pieces of a stream arrive. The tap lets pass one piece at a time, and only after the client has the one
 * before: whatever foreman held back, even for one chunk, would stop the stream for good.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Case, post } from './case.ts'
import { begin } from './raw-client.ts'
import { marked, setStage } from './stage.ts'
import { stepwiseField } from './wiretap.ts'

const stepwise = [[stepwiseField, '1']] as const
const say = [{ role: 'user', content: 'count' }]
const limit = { timeout: 20_000 }

const streams: readonly Case[] = [
  post('/api/chat', { model: 'llama3.2', messages: say }, { name: 'chat', status: 200, fields: stepwise }),
  post(
    '/api/generate',
    { model: 'qwen3:8b', prompt: 'a' },
    { name: 'generate', status: 200, fields: stepwise }
  ),
  post('/api/pull', { model: 'smollm2:135m' }, { name: 'pull', status: 200, fields: stepwise }),
  post(
    '/v1/chat/completions',
    { model: 'llama3.2', messages: say, stream: true },
    { name: 'completions', status: 200, fields: stepwise }
  ),
  post(
    '/v1/messages',
    { model: 'llama3.2', messages: say, max_tokens: 64, stream: true },
    { name: 'messages', status: 200, fields: stepwise }
  )
]

test('each chunk reaches the client before the target sends the next', limit, async t => {
  const stage = await setStage(t)
  for (const row of streams) {
    await t.test(row.name, limit, async () => {
      const exchange = begin(stage.url, marked(row, row.name))
      stage.tap.release()
      await exchange.until(() => true)
      for (let chunks = 1; ; chunks++) {
        stage.tap.release()
        const answer = await exchange.until(so => so.chunks.length === chunks || so.complete)
        assert.ok(answer.chunks.length <= chunks, 'more came than was let pass')
        if (answer.complete) break
      }
      const sent = stage.tap.exchange('x-case', row.name)!.answer!
      assert.ok(sent.chunks.length > 5, `${sent.chunks.length} chunks`)
      assert.deepEqual(exchange.answer()!.chunks, sent.chunks)
      exchange.leave()
    })
  }
})

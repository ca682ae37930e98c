/** The session of docs/batch.md, pasted into a shell as its reader does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paste } from './pasted.ts'

test('the batch of docs/batch.md survives the death of foreman', { timeout: 120_000 }, async t => {
  const said = await paste(t, 'batch.md')
  assert.equal(said.length, 7)
  assert.match(said[1]!, /^\s*100\n\{"id":"job_[0-9a-z]{26}"\}\n\{"id":"job_[0-9a-z]{26}"\}\n\s*$/)
  assert.match(said[2]!, /"queue":\{"position":\d+/)
  assert.match(said[3]!, /^100\s*$/)
  assert.match(said[4]!, /^\s*100\n\s*$/)
  assert.match(said[5]!, /"sentence":"[^"]+"/)
})

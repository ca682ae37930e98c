/** The session of docs/following.md, pasted into a shell as its reader does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paste } from './pasted.ts'

test('the reader of docs/following.md gets all of the text through the death of foreman', {
  timeout: 120_000
}, async t => {
  const said = await paste(t, 'following.md')
  assert.equal(said.length, 9)
  assert.match(said[1]!, /^id: (job_[0-9a-z]{26}):1\nevent: job\.queued\nid: \1:2\nevent: job\.loading\n/)
  assert.match(said[1]!, /\nevent: job\.done\nevent: stream\.end\n\s*$/)
  assert.match(said[2]!, /^"text":"tok0[^"]*","offset":0,"channel":"content","index":0\}\}\n/)
  assert.match(said[3]!, /^id: job_[0-9a-z]{26}:5\n\s*$/)
  assert.match(said[5]!, /^the script has ended\n/)
  assert.match(said[5]!, /\n--- the text begins anew ---\n\ntok0 tok1 .* tok119\n\s*$/)
  assert.match(said[6]!, /^the same\n\s*$/)
  assert.match(said[7]!, /^121\n"done":true\n\s*$/)
})

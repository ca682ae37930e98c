import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startForeman } from '../../helpers/foreman.ts'
import { ready } from '../../strength/support/jobs.ts'
import { withShortPauses } from '../../strength/support/rig.ts'
import { chatBody, speaker, startStage } from './stage.ts'

const hourMs = 3_600_000

test('jobs are taken right after delayed ones of their runner were canceled', async t => {
  const { app, dataDir, fake, submit } = await startStage(t)
  const delayed = { ...chatBody, not_before: new Date(Date.now() + hourMs).toISOString() }
  const later = await Promise.all([submit(delayed), submit(delayed), submit(delayed)])
  await app.close()
  // One that has counted nothing yet: what it counts is remembered for a moment.
  const again = await startForeman(t, { target: fake.url, dataDir, settings: withShortPauses() })
  await ready(again.app)
  const { ask, submit: submitAgain } = speaker(again.url)
  await submitAgain()
  for (const { id } of later) assert.equal((await ask('POST', `/jobs/${id}/cancel`)).status, 200)
  await submitAgain()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextConflicts } from '../../../core/queue/context-conflicts.ts'
import { chat, start } from '../../plugins/residency/stage.ts'

test('who asked for which context of a model, and what that cost', async t => {
  const { app, url } = await start(t, {})
  const begun = Date.now()
  await chat({ url }, { options: { num_ctx: 8192 } })
  assert.deepEqual(contextConflicts(app.db, 0), [])
  for (const options of [{ num_ctx: 4096 }, {}, { num_ctx: 8192, num_gpu: 1 }])
    await chat({ url }, { options })
  await chat({ url }, { model: 'beta' })
  app.db.prepare("UPDATE job SET owner = 'tok_other' WHERE runner LIKE '%=4096'").run()
  const [conflict, ...others] = contextConflicts(app.db, begun)
  assert.deepEqual(others, [])
  const { models, asked, reloads, reloadMs } = conflict!
  assert.deepEqual([models, reloads], [['alpha'], 2])
  assert.ok(reloadMs >= 0)
  assert.deepEqual(asked, [
    { owner: 'local', context: 8192, jobs: 2 },
    { owner: 'local', context: null, jobs: 1 },
    { owner: 'tok_other', context: 4096, jobs: 1 }
  ])
  assert.deepEqual(contextConflicts(app.db, Date.now() + 1000), [])
})

test('with the policy on there is no conflict', async t => {
  const { app, url } = await start(t)
  for (const num_ctx of [8192, 4096, 8192]) await chat({ url }, { options: { num_ctx } })
  assert.deepEqual(contextConflicts(app.db, 0), [])
})

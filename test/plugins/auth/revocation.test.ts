/** A token that ends takes its open calls with it, whoever ended it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { openBeside } from '../../../core/database/open.ts'
import { TokenStore } from '../../../plugins/auth/token-store.ts'
import { startStage } from './stage.ts'

const slow = { model: 'alpha', prompt: 'count', options: { num_predict: 100_000 }, stream: true }

/** Reads to the end. @returns whether the end was a clean one */
async function endsCleanly(answer: Response): Promise<boolean> {
  try {
    await answer.text()
    return true
  } catch {
    return false
  }
}

for (const how of ['over the route', 'beside the server'] as const) {
  test(`a stream whose token is revoked ${how} is cut by the look that comes within a second, its job canceled`, async t => {
    // Time passes here for what is done at intervals: the looks at the tokens of open calls.
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { ask, issue, admin, app, dataDir } = await startStage(t)
    const { id, token } = await issue({ scopes: ['inference', 'jobs:read'] })
    const other = await issue({ scopes: ['inference'] })
    const answer = await ask(token, 'POST', '/api/generate', slow)
    assert.equal(answer.status, 200)
    const jobId = answer.headers.get('foreman-job-id')!
    const kept = ask(other.token, 'POST', '/api/generate', {
      ...slow,
      options: { num_predict: 3 },
      stream: false
    })
    const canceled = once(app.jobEvents, 'event')
    if (how === 'over the route') await ask(admin, 'DELETE', `/tokens/${id}`)
    else {
      const { db, secrets, close } = openBeside(dataDir)
      new TokenStore(db, secrets).revoke(id, Date.now())
      close()
    }
    t.mock.timers.tick(1000)
    assert.equal(await endsCleanly(answer), false)
    await canceled
    assert.equal((await ask(token, 'GET', '/whoami')).status, 401)
    const job = (await (await ask(admin, 'GET', `/jobs/${jobId}?`)).json()) as { state: string }
    assert.match(job.state, /^cancel/)
    // What others asked for goes on.
    assert.equal((await kept).status, 200)
  })
}

test('of a rotation both tokens are good until the old one ends, and both see what either made', async t => {
  const { ask, issue, admin, app } = await startStage(t)
  const old = await issue({ scopes: ['jobs:read', 'jobs:write'] })
  const made = (await (await ask(old.token, 'POST', '/jobs', { model: 'alpha', prompt: 'x' })).json()) as {
    id: string
  }
  const next = (await (await ask(admin, 'POST', `/tokens/${old.id}/rotate`, { overlap_s: 3600 })).json()) as {
    token: string
  }
  for (const token of [old.token, next.token])
    assert.equal((await ask(token, 'GET', `/jobs/${made.id}`)).status, 200)
  app.db.prepare('UPDATE token SET expires_at = 1 WHERE id = ?').run(old.id)
  assert.equal((await ask(old.token, 'GET', `/jobs/${made.id}`)).status, 401)
  assert.equal((await ask(next.token, 'GET', `/jobs/${made.id}`)).status, 200)
  assert.equal((await ask(admin, 'POST', `/tokens/${old.id}/rotate`)).status, 409)
})

/** The audit log: what is in it, that it is only added to, how it is read, and when it goes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuditKeeper } from '../../../plugins/auth/audit-keeper.ts'
import { startStage } from './stage.ts'

interface Entry {
  readonly time: string
  readonly actor: string | null
  readonly address: string | null
  readonly request_id: string | null
  readonly action: string
  readonly object: string | null
  readonly result: string
}

interface Page {
  readonly data: Entry[]
  readonly has_more: boolean
  readonly next_cursor: number | string | null
}

test('what was done to tokens is told, by whom, to which, and how it ended', async t => {
  const { ask, issue, admin } = await startStage(t)
  const { id, token } = await issue({ scopes: ['jobs:read'] })
  await ask(token, 'POST', '/tokens', { name: 'more', scopes: ['admin'] })
  await ask(admin, 'POST', '/tokens', { name: '', scopes: ['admin'] })
  const rotated = (await (await ask(admin, 'POST', `/tokens/${id}/rotate`)).json()) as { id: string }
  await ask(admin, 'POST', `/tokens/${id}/rotate`)
  const last = await ask(admin, 'DELETE', `/tokens/${rotated.id}`)
  await ask(admin, 'DELETE', '/tokens/tok_none')
  const me = (await (await ask(admin, 'GET', '/whoami')).json()) as { id: string }
  const { data } = (await (await ask(admin, 'GET', '/audit')).json()) as Page
  const told = data.filter(entry => entry.action.startsWith('token.'))
  assert.deepEqual(
    told.map(({ actor, action, object, result }) => [actor, action, object, result]),
    [
      [me.id, 'token.revoke', 'tok_none', 'not_found'],
      [me.id, 'token.revoke', rotated.id, 'ok'],
      [me.id, 'token.rotate', id, 'token_not_rotatable'],
      [me.id, 'token.rotate', id, 'ok'],
      [me.id, 'token.create', null, 'validation_failed'],
      [id, 'token.create', null, 'insufficient_scope'],
      [me.id, 'token.create', id, 'ok']
    ]
  )
  assert.ok(told.every(({ address }) => address === '127.0.0.1'))
  assert.ok(told.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 60_000))
  assert.equal(new Set(told.map(entry => entry.request_id)).size, told.length)
  assert.equal(last.status, 200)
})

test('pages follow each other without a gap, while entries are added', async t => {
  const { ask, admin, app } = await startStage(t)
  for (let n = 0; n < 5; n++) app.audit.write({ action: 'test', object: String(n), result: 'ok' })
  const seen: (string | null)[] = []
  let cursor: Page['next_cursor'] = null
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`
    const page = (await (await ask(admin, 'GET', `/audit?limit=2${query}`)).json()) as Page
    seen.push(...page.data.filter(entry => entry.action === 'test').map(entry => entry.object))
    assert.equal(page.has_more, page.next_cursor !== null)
    cursor = page.next_cursor
    app.audit.write({ action: 'test', object: 'late', result: 'ok' })
  } while (cursor !== null)
  assert.deepEqual(seen, ['4', '3', '2', '1', '0'])
})

test('a query that makes no sense is refused', async t => {
  const { ask, admin } = await startStage(t)
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'cursor=x', 'cursor=0', 'colour=red'])
    assert.equal((await ask(admin, 'GET', `/audit?${query}`)).status, 422, query)
})

test('an entry cannot be changed', async t => {
  const { app } = await startStage(t)
  app.audit.write({ action: 'test', result: 'ok' })
  assert.throws(() => app.db.exec("UPDATE audit SET result = 'better'"), /only ever added to/)
})

test('entries go when their time is over, at a start for example', async t => {
  const { app } = await startStage(t)
  const dayMs = 86_400_000
  const insert = app.db.prepare("INSERT INTO audit (at, action, result) VALUES (?, ?, 'ok')")
  insert.run(Date.now() - 91 * dayMs, 'too old')
  insert.run(Date.now() - 89 * dayMs, 'old')
  new AuditKeeper(app.db, 90 * dayMs, app.log).close()
  const actions = app.audit.before(Number.MAX_SAFE_INTEGER, 100).map(({ action }) => action)
  assert.deepEqual([actions.includes('old'), actions.includes('too old')], [true, false])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cursors } from '../../../core/cursor.ts'
import { openStore } from '../../../core/database/open.ts'
import { temporaryDir } from '../../helpers/foreman.ts'
import { assertProblem, chatBody, type ShownJob, type Stage, startStage } from './stage.ts'

interface Page {
  readonly data: readonly ShownJob[]
  readonly has_more: boolean
  readonly next_cursor: string | null
}

/** A paused stage with one job for each body, in this order. */
async function stageWith(
  t: Parameters<typeof startStage>[0],
  ...bodies: object[]
): Promise<Stage & { ids: string[] }> {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const ids: string[] = []
  for (const body of bodies) ids.push((await stage.submit({ ...chatBody, ...body })).id)
  return { ...stage, ids }
}

async function idsAt({ ask }: Stage, path: string): Promise<string[]> {
  const { status, text, body } = await ask<Page>('GET', path)
  assert.equal(status, 200, text)
  return body.data.map(({ id }) => id)
}

test('the newest jobs come first, page by page, each once, also when more come in between', async t => {
  const stage = await stageWith(t, {}, {}, {}, {}, {})
  const seen: string[] = []
  let path = '/jobs?limit=2&state=queued'
  for (let pages = 1; ; pages++) {
    const { body, headers } = await stage.ask<Page>('GET', path)
    seen.push(...body.data.map(({ id }) => id))
    assert.equal(body.has_more, body.next_cursor !== null)
    if (!body.has_more) {
      assert.deepEqual([pages, headers.get('link')], [3, null])
      break
    }
    await stage.submit()
    const link = /^<(\/jobs\?[^>]+)>; rel="next"$/.exec(headers.get('link')!)![1]!
    const next = new URLSearchParams(link.slice('/jobs?'.length))
    assert.deepEqual(
      [next.get('cursor'), next.get('limit'), next.get('state')],
      [body.next_cursor, '2', 'queued']
    )
    path = link
  }
  assert.deepEqual(seen, stage.ids.toReversed())
})

test('every filter narrows the list', async t => {
  const stage = await stageWith(
    t,
    { model: 'beta', metadata: { team: 'a', run: '1' } },
    { model: 'Beta:latest', priority: 'batch', metadata: { team: 'b' } },
    { messages: undefined, prompt: 'x', metadata: { team: 'a' } }
  )
  const [first, second, third] = stage.ids as [string, string, string]
  await stage.ask('POST', `/jobs/${third}/cancel`)
  const { created_at } = (await stage.ask('GET', `/jobs/${second}`)).body
  const wanted: [query: string, ids: string[]][] = [
    ['', [third, second, first]],
    ['state=canceled', [third]],
    ['state=queued,done', [second, first]],
    ['model=beta', [second, first]],
    ['model=library/BETA:latest', [second, first]],
    ['model=nobody', []],
    ['model=', []],
    ['kind=generate', [third]],
    ['priority=batch', [second]],
    ['metadata.team=a', [third, first]],
    ['metadata.team=a&metadata.run=1', [first]],
    ['metadata.__proto__=a', []],
    [`created_before=${created_at}`, [first]],
    [`created_after=${created_at}`, [third]]
  ]
  for (const [query, ids] of wanted) assert.deepEqual(await idsAt(stage, `/jobs?${query}`), ids, query)
})

test('a list shows no answers', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  const { result } = await stage.ended(id)
  assert.notEqual(result, null)
  const { body } = await stage.ask<Page>('GET', '/jobs')
  assert.deepEqual(
    body.data.map(job => [job.id, job.result]),
    [[id, null]]
  )
})

test('a filter that fits one old job among very many finds it', async t => {
  const stage = await stageWith(t, { metadata: { the: 'one' } })
  stage.app.db.exec(`WITH RECURSIVE n (seq) AS (SELECT 2 UNION ALL SELECT seq + 1 FROM n WHERE seq < 50000)
    INSERT INTO job SELECT n.seq, 'job_' || n.seq, owner, lane, kind, model, runner, priority, attached, 'done',
    'working', 1, 1, 1, 1, 0, 0, 0, 0, NULL, 1, 1, 0, 0, 0, 9000000000000, NULL FROM job, n`)
  assert.deepEqual(await idsAt(stage, '/jobs?metadata.the=one'), stage.ids)
  assert.deepEqual(await idsAt(stage, '/jobs?state=queued'), stage.ids)
})

test('queries that are none are refused', async t => {
  const stage = await startStage(t)
  const queries = [
    'limit=0',
    'limit=101',
    'limit=1e9',
    'limit=x',
    'limit=1&limit=2',
    'state=over',
    'state=',
    'kind=x',
    'priority=x',
    'created_after=today',
    'created_before=5',
    'page=2',
    'metadata.=x',
    `metadata.${'k'.repeat(65)}=x`,
    '__proto__=1',
    'constructor=1',
    'metadata.a=1&metadata.a=2',
    `model=${'m'.repeat(600)}`
  ]
  for (const query of queries)
    assertProblem(await stage.ask('GET', `/jobs?${query}`), 422, 'validation_failed')
  for (const cursor of ['', 'x', 'A'.repeat(32), 'A'.repeat(10_000), '%00', '-'.repeat(32)]) {
    assertProblem(await stage.ask('GET', `/jobs?cursor=${cursor}`), 400, 'invalid_cursor')
  }
})

test('a cursor is good after a restart, for its owner alone, and not when a bit is changed', t => {
  const dataDir = temporaryDir(t)
  const first = openStore(dataDir)
  const cursor = new Cursors(first.secrets).write(123, 'me')
  first.close()
  const second = openStore(dataDir)
  t.after(() => second.close())
  const cursors = new Cursors(second.secrets)
  assert.equal(cursors.read(cursor, 'me'), 123)
  assert.throws(() => cursors.read(cursor, 'you'), { code: 'FOREMAN_INVALID_CURSOR' })
  for (let at = 0; at < cursor.length; at++) {
    const changed = cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1)
    assert.throws(() => cursors.read(changed, 'me'), { code: 'FOREMAN_INVALID_CURSOR' }, String(at))
  }
})

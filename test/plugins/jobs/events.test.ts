import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProblem, chatBody, startStage } from './stage.ts'

interface EventPage {
  readonly data: readonly {
    readonly id: string
    readonly seq: number
    readonly type: string
    readonly attempt: number
    readonly created_at: string
    readonly data: Readonly<Record<string, unknown>>
  }[]
  readonly has_more: boolean
  readonly next_cursor: string | null
}

test('the events of a job are its story, with a seq that counts from 1', async t => {
  const stage = await startStage(t, { faults: [{ kind: 'reset', after: 1, times: 1, path: '/api/chat' }] })
  const job = await stage.ended((await stage.submit()).id)
  const { status, body } = await stage.ask<EventPage>('GET', `/jobs/${job.id}/events`)
  assert.equal(status, 200)
  assert.deepEqual(
    body.data.map(({ seq, type, attempt }) => [seq, type, attempt]),
    [
      [1, 'job.queued', 0],
      [2, 'job.loading', 1],
      [3, 'job.working', 1],
      [4, 'job.output', 1],
      [5, 'job.output_reset', 1],
      [6, 'job.retrying', 1],
      [7, 'job.working', 2],
      [8, 'job.output', 2],
      [9, 'job.done', 2]
    ]
  )
  assert.deepEqual([body.has_more, body.next_cursor], [false, null])
  const [queued, , , piece, reset, retrying] = body.data
  assert.equal(queued!.created_at, job.created_at)
  assert.deepEqual(queued!.data, { state: 'queued', previous_state: null })
  assert.deepEqual([piece!.data.offset, piece!.data.channel, reset!.data], [0, 'content', { attempt: 1 }])
  const { available_at, ...facts } = retrying!.data
  assert.deepEqual(facts, { state: 'queued', previous_state: 'working', error_code: 'target_truncated' })
  assert.ok(Date.parse(String(available_at)) > Date.parse(retrying!.created_at))
  assert.equal(new Set(body.data.map(({ id }) => id)).size, 9)
})

test('pages follow each other by cursor, and after gives what came later', async t => {
  const stage = await startStage(t)
  const { id } = await stage.ended((await stage.submit()).id)
  const seen: number[] = []
  for (let query = '?limit=2'; ; ) {
    const { body } = await stage.ask<EventPage>('GET', `/jobs/${id}/events${query}`)
    assert.ok(body.data.length <= 2)
    seen.push(...body.data.map(({ seq }) => seq))
    assert.equal(body.next_cursor !== null, body.has_more)
    if (body.next_cursor === null) break
    query = `?limit=2&cursor=${body.next_cursor}`
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5])
  const seqs = async (query: string) =>
    (await stage.ask<EventPage>('GET', `/jobs/${id}/events${query}`)).body.data.map(({ seq }) => seq)
  assert.deepEqual(await seqs('?after=2'), [3, 4, 5])
  assert.deepEqual(await seqs('?after=5'), [])
  assert.deepEqual(await seqs('?limit=1&after=1'), [2])
})

test('a cursor is good for the events of one job only', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const [one, other] = [await stage.submit(), await stage.submit({ ...chatBody, model: 'beta' })]
  for (const { id } of [one, other]) await stage.ask('POST', `/jobs/${id}/cancel`)
  const { body } = await stage.ask<EventPage>('GET', `/jobs/${one.id}/events?limit=1`)
  const list = await stage.ask<EventPage>('GET', '/jobs?limit=1')
  for (const cursor of [body.next_cursor, list.body.next_cursor]) {
    const answer = await stage.ask('GET', `/jobs/${other.id}/events?cursor=${cursor}`)
    assertProblem(answer, 400, 'invalid_cursor')
  }
  assertProblem(await stage.ask('GET', `/jobs?cursor=${body.next_cursor}`), 400, 'invalid_cursor')
})

test('queries that make no sense are refused, and so are jobs that are not there', async t => {
  const stage = await startStage(t)
  const { id } = await stage.ended((await stage.submit()).id)
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'after=-1', 'after=x', 'after=1e99', 'what=1']) {
    assertProblem(await stage.ask('GET', `/jobs/${id}/events?${query}`), 422, 'validation_failed')
  }
  assertProblem(await stage.ask('GET', `/jobs/${id}/events?cursor=x`), 400, 'invalid_cursor')
  assertProblem(await stage.ask('GET', '/jobs/job_none/events'), 404, 'not_found')
  await stage.ask('DELETE', `/jobs/${id}`)
  assertProblem(await stage.ask('GET', `/jobs/${id}/events`), 410, 'job_data_removed')
})

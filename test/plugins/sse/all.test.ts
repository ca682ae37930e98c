/** `GET /events`: all jobs of a caller in one stream. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Block, connect, eventsIn } from '../../helpers/event-stream.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { ended } from '../../strength/support/jobs.ts'
import { startStage as startAuthStage } from '../auth/stage.ts'
import { assertProblem } from '../jobs/stage.ts'
import { kept, type Stage, slowly, startStage, textOf, typesOf } from './stage.ts'

const isDone = ({ event }: Block) => event === 'job.done'

/** Follows until so many jobs are done. */
async function untilDone(stage: Stage, count: number, query = '', lastEventId?: string): Promise<Block[]> {
  const stream = await stage.follow(`/events${query}`, lastEventId === undefined ? {} : { lastEventId })
  assert.equal(stream.status, 200)
  let left = count
  const blocks = await stream.until(block => isDone(block) && --left === 0)
  stream.close()
  return kept(blocks)
}

/** Two jobs, one after the other, and all that was told of them. */
async function twoJobs(t: TestContext): Promise<{ stage: Stage; ids: string[]; blocks: Block[] }> {
  const stage = await startStage(t, slowly)
  const ids = [(await stage.submit()).id, (await stage.submit()).id]
  const blocks = await untilDone(stage, 2)
  return { stage, ids, blocks: blocks.slice(1) }
}

test('all events of all jobs come, in the order in which they were stored, while they happen', async t => {
  const { stage, ids, blocks } = await twoJobs(t)
  const places = blocks.map(({ id }) => Number(id!.split(':')[1]))
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b)
  )
  assert.equal(new Set(places).size, places.length)
  for (const id of ids) {
    const own = eventsIn(blocks).filter(event => event.job_id === id)
    const page = await stage.ask<{ data: unknown }>('GET', `/jobs/${id}/events?limit=1000`)
    assert.deepEqual(own, page.body.data)
    const { result } = await stage.ended(id)
    assert.equal(textOf(own), (result!.message as { content: string }).content)
  }
})

test('whoever comes back with the id of any event gets what came after it', async t => {
  const { stage, blocks } = await twoJobs(t)
  for (const [at, { id }] of blocks.slice(0, -1).entries()) {
    const left = blocks.slice(at + 1)
    const jobs = left.filter(isDone).length
    assert.deepEqual((await untilDone(stage, jobs, '', id)).slice(1), left)
  }
})

test('a place that an earlier run of foreman gave is good in the next one', async t => {
  const { stage, blocks } = await twoJobs(t)
  await stage.app.close()
  const next = await startForeman(t, { target: stage.fake.url, dataDir: stage.dataDir })
  const [, { id }] = blocks as [Block, Block]
  const stream = await connect(`${next.url}/events`, { lastEventId: id! })
  t.after(() => stream.close())
  let left = 2
  const rest = await stream.until(block => isDone(block) && --left === 0)
  assert.deepEqual(eventsIn(rest), eventsIn(blocks.slice(2)))
  const epochs = [blocks, kept(rest).slice(1)].map(([block]) => block!.id!.split(':')[0])
  assert.equal(new Set(epochs).size, 2)
})

test('a place of another history is told as a gap, and all that is there comes anew', async t => {
  const { stage, blocks } = await twoJobs(t)
  const [, gap, ...rest] = await untilDone(stage, 2, '', '0123456789ab:3')
  assert.deepEqual(gap, { event: 'stream.gap', data: '{"oldest_seq":1,"snapshot_seq":null}' })
  assert.deepEqual(rest, blocks)
  // The run is known, but it never gave such a place.
  const [epoch] = blocks[0]!.id!.split(':')
  const [, later] = await untilDone(stage, 2, '', `${epoch}:999999`)
  assert.equal(later!.event, 'stream.gap')
})

test('what was removed meanwhile is told as a gap', async t => {
  const { stage, ids, blocks } = await twoJobs(t)
  assert.equal((await stage.ask('DELETE', `/jobs/${ids[0]}`)).status, 204)
  const left = blocks.filter((_block, at) => eventsIn(blocks)[at]!.job_id === ids[1])
  const [, gap, ...rest] = await untilDone(stage, 1, '', blocks[0]!.id)
  assert.equal(gap!.event, 'stream.gap')
  assert.deepEqual(
    rest,
    left.filter(({ id }) => id !== blocks[0]!.id)
  )
})

test('types and jobs narrow it, and types that nobody knows are allowed', async t => {
  const { stage, ids, blocks } = await twoJobs(t)
  const some = await untilDone(stage, 2, '?types=job.queued,job.done,job.of_tomorrow')
  assert.deepEqual(typesOf(some), ['job.queued', 'job.queued', 'job.done', 'job.done'])
  const one = await untilDone(stage, 1, `?job_ids=${ids[1]}`)
  assert.deepEqual(
    one.slice(1),
    blocks.filter((_block, at) => eventsIn(blocks)[at]!.job_id === ids[1])
  )
  assert.deepEqual((await untilDone(stage, 2, `?job_ids=${ids}`)).slice(1), blocks)
  const both = await untilDone(stage, 1, `?job_ids=${ids[0]}&types=job.done`)
  assert.deepEqual(
    eventsIn(both).map(({ job_id, type }) => [job_id, type]),
    [[ids[0], 'job.done']]
  )
})

test('after=latest tells only what comes', async t => {
  const { stage } = await twoJobs(t)
  const stream = await stage.follow('/events?after=latest')
  await stream.next()
  const { id } = await stage.submit()
  const events = eventsIn(await stream.until(isDone))
  assert.deepEqual(new Set(events.map(event => event.job_id)), new Set([id]))
  assert.equal(events[0]!.type, 'job.queued')
})

test('what cannot be followed is refused before anything is sent', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  await ended(stage.app, id)
  const ask = (query: string, headers: Record<string, string> = {}) =>
    stage.ask<unknown>('GET', `/events${query}`, { headers })
  for (const bad of ['nonsense', `${id}:1`, '0123456789ab:', '0123456789ab:-1', '0123456789AB:1', '']) {
    assertProblem(await ask('', { 'last-event-id': bad }), 400, 'invalid_event_id')
    assertProblem(await ask(`?last_event_id=${bad}`), 400, 'invalid_event_id')
  }
  for (const bad of ['', 'nonsense', `${id},`, `${id}x`, `${id}%20`])
    assertProblem(await ask(`?job_ids=${bad}`), 400, 'bad_request')
  assertProblem(await ask('?job_ids=job_01jzzzzzzzzzzzzzzzzzzzzzzz'), 404, 'not_found')
  await stage.ask('DELETE', `/jobs/${id}`)
  assertProblem(await ask(`?job_ids=${id}`), 410, 'job_data_removed')
  for (const bad of ['?after=5', '?heartbeat=loud', '?cursor=1'])
    assertProblem(await ask(bad), 422, 'validation_failed')
  assert.equal(stage.app.streamSlots.open, 0)
})

test('nobody is told of the jobs of others but an administrator, whatever they ask for', async t => {
  const stage = await startAuthStage(t)
  const scopes = ['jobs:read', 'jobs:write']
  const [mine, other] = [await stage.issue({ scopes }), await stage.issue({ scopes })]
  const submit = async (token: string) => {
    const answer = await stage.ask(token, 'POST', '/jobs', { model: 'alpha', prompt: 'hello' })
    const { id } = (await answer.json()) as { id: string }
    await ended(stage.app, id)
    return id
  }
  const live = await open(stage.url, mine.token, '/events')
  const [foreign, own] = [await submit(other.token), await submit(mine.token)]
  const everybody = [own, foreign].toSorted()
  const jobsIn = (blocks: Block[]) => [...new Set(eventsIn(blocks).map(({ job_id }) => job_id))].toSorted()
  assert.deepEqual(jobsIn(await live.until(isDone)), [own], 'live')
  live.close()
  const replay = await open(stage.url, mine.token, '/events')
  assert.deepEqual(jobsIn(await replay.until(isDone)), [own], 'from the log')
  replay.close()
  let left = 2
  const all = await open(stage.url, stage.admin, '/events')
  assert.deepEqual(jobsIn(await all.until(block => isDone(block) && --left === 0)), everybody)
  all.close()
  for (const path of [`/events?job_ids=${own},${foreign}`, `/jobs/${foreign}/events`]) {
    const { status, headers } = await open(stage.url, mine.token, path)
    assert.deepEqual([status, headers['foreman-error-code']], [404, 'not_found'])
  }

  const ticketFor = async (body: object) => {
    const answer = await stage.ask(mine.token, 'POST', '/stream-tickets', body)
    return ((await answer.json()) as { ticket: string }).ticket
  }
  const any = await ticketFor({})
  for (let time = 0; time < 2; time += 1) {
    const stream = await connect(`${stage.url}/events?ticket=${any}`)
    assert.deepEqual(jobsIn(await stream.until(isDone)), [own], 'a ticket is good again and again')
    stream.close()
  }
  const bound = await ticketFor({ job_id: own })
  assert.equal((await connect(`${stage.url}/events?ticket=${bound}`)).status, 401)
  assert.equal((await connect(`${stage.url}/events?job_ids=${own}&ticket=${bound}`)).status, 401)
  const itsOwn = await connect(`${stage.url}/jobs/${own}/events?ticket=${bound}`)
  assert.deepEqual(jobsIn(await itsOwn.rest()), [own])
})

function open(url: string, token: string, path: string) {
  return connect(url + path, { headers: { authorization: `Bearer ${token}` } })
}

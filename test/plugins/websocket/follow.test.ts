/** What a socket tells of jobs: each event once and in its order, to whom it belongs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { EventObject } from '../../../plugins/jobs/event-object.ts'
import { startStage as startAuthStage } from '../auth/stage.ts'
import { chatBody, type Stage, startStage } from '../jobs/stage.ts'
import { Client } from './client.ts'

interface Page {
  readonly data: EventObject[]
}

async function stored({ ask }: Pick<Stage, 'ask'>, id: string): Promise<EventObject[]> {
  return (await ask<Page>('GET', `/jobs/${id}/events?limit=1000`)).body.data
}

const talkative = (tokens: number) => ({ ...chatBody, options: { num_predict: tokens } })

test('a job is told from its first event to its last, as it happens, and then its subscription ends', async t => {
  const stage = await startStage(t, { token_delay_ms: 2 })
  const client = await Client.open(t, stage.url)
  const job = await stage.submit(talkative(60))
  client.send({ op: 'subscribe', ref: 'a', job_id: job.id })
  const told = await client.story('a')
  assert.deepEqual(told, await stored(stage, job.id))
  const ids = client.frames.filter(({ id }) => id !== undefined).map(({ id }) => id)
  assert.deepEqual(
    ids,
    told.map(({ seq }) => `${job.id}:${seq}`)
  )
  assert.deepEqual(client.frames[0], { op: 'ack', ref: 'a' })
  assert.deepEqual(client.frames.at(-1), { op: 'end', sub: 'a' })
  assert.equal(told.at(-1)!.type, 'job.done')
  assert.ok(told.filter(({ type }) => type === 'job.output').length > 1)
  assert.equal(stage.app.followers.size, 0)
})

test('a subscription goes on behind whatever event its client had last', async t => {
  const stage = await startStage(t, { token_delay_ms: 1 })
  const job = await stage.submit(talkative(40))
  await stage.ended(job.id)
  const all = await stored(stage, job.id)
  const results: string[] = []
  stage.app.telemetry.on('streamResumed', (transport, result) => results.push(`${transport} ${result}`))
  for (let seq = 0; seq <= all.length; seq += 1) {
    const client = await Client.open(t, stage.url)
    for (const [ref, after] of Object.entries({ a: seq, b: String(seq), c: `${job.id}:${seq}` })) {
      client.send({ op: 'subscribe', ref, job_id: job.id, after })
      assert.deepEqual(await client.story(ref), all.slice(seq))
    }
    client.ws.close()
  }
  const client = await Client.open(t, stage.url)
  client.send({ op: 'subscribe', ref: 'latest', job_id: job.id, after: 'latest' })
  assert.deepEqual(await client.story('latest'), [])
  assert.deepEqual([...new Set(results)], ['ws replayed', 'ws complete'])
})

test('many jobs share a socket, each in its order', async t => {
  const stage = await startStage(t, { token_delay_ms: 1 })
  const client = await Client.open(t, stage.url)
  const jobs = await Promise.all(Array.from({ length: 20 }, () => stage.submit(talkative(20))))
  for (const { id } of jobs) client.send({ op: 'subscribe', ref: id, job_id: id })
  client.send({ op: 'subscribe', ref: 'all', job_id: '*' })
  const stories = await Promise.all(jobs.map(({ id }) => client.story(id)))
  for (const [index, { id }] of jobs.entries()) assert.deepEqual(stories[index], await stored(stage, id))
  const last = jobs.map(({ id }) => client.until(frame => frame.sub === 'all' && isEndOf(frame.event, id)))
  await Promise.all(last)
  const among = client.eventsOf('all')
  for (const [index, { id }] of jobs.entries()) {
    assert.deepEqual(
      among.filter(event => event.job_id === id),
      stories[index]
    )
  }
})

const isEndOf = (event: EventObject | undefined, id: string) =>
  event?.job_id === id && event.type === 'job.done'

test('all jobs can be narrowed to types and to jobs, and followed on from an id', async t => {
  const stage = await startStage(t)
  const client = await Client.open(t, stage.url)
  const [first, second] = [await stage.submit(), await stage.submit()]
  await stage.ended(first.id)
  await stage.ended(second.id)
  client.send({ op: 'subscribe', ref: 'ends', job_id: '*', types: ['job.done', 'job.unheard_of'] })
  client.send({ op: 'subscribe', ref: 'second', job_id: '*', job_ids: [second.id] })
  const end = await client.until(({ sub, event }) => sub === 'ends' && isEndOf(event, second.id))
  await client.until(({ sub, event }) => sub === 'second' && isEndOf(event, second.id))
  assert.deepEqual(
    client.eventsOf('ends').map(({ type, job_id }) => [type, job_id]),
    [
      ['job.done', first.id],
      ['job.done', second.id]
    ]
  )
  assert.deepEqual(client.eventsOf('second'), await stored(stage, second.id))

  client.send({ op: 'subscribe', ref: 'on', job_id: '*', after: end.id })
  client.send({ op: 'subscribe', ref: 'new', job_id: '*', after: 'latest' })
  await client.answer('new')
  const third = await stage.submit()
  for (const sub of ['on', 'new']) {
    await client.until(frame => frame.sub === sub && isEndOf(frame.event, third.id))
    assert.deepEqual(client.eventsOf(sub), await stored(stage, third.id))
  }
})

test('what was missed for good is told before it goes on', async t => {
  const stage = await startStage(t)
  const job = await stage.submit()
  await stage.ended(job.id)
  const all = await stored(stage, job.id)
  const client = await Client.open(t, stage.url)
  client.send({ op: 'subscribe', ref: 'a', job_id: job.id, after: all.length + 1 })
  assert.deepEqual(await client.story('a'), all)
  const gap = { op: 'gap', sub: 'a', oldest_seq: 1, snapshot_seq: null }
  assert.deepEqual(client.frames.slice(0, 2), [{ op: 'ack', ref: 'a' }, gap])
  client.send({ op: 'subscribe', ref: 'b', job_id: '*', after: 'aaaaaaaaaaaa:3' })
  await client.until(frame => frame.op === 'gap' && frame.sub === 'b')
})

test('a subscription that was ended tells nothing more', async t => {
  const stage = await startStage(t, { token_delay_ms: 5 })
  const client = await Client.open(t, stage.url)
  const job = await stage.submit(talkative(40))
  client
    .send({ op: 'subscribe', ref: 'a', job_id: job.id })
    .send({ op: 'subscribe', ref: 'b', job_id: job.id })
  await client.until(({ sub, event }) => sub === 'a' && event?.type === 'job.output')
  await client.send({ op: 'unsubscribe', ref: 'u', sub: 'a' }).answer('u')
  const seen = client.eventsOf('a').length
  assert.ok((await client.story('b')).length > seen)
  assert.equal(client.eventsOf('a').length, seen)
  await client.send({ op: 'unsubscribe', ref: 'again', sub: 'a' }).answer('again')
  // Its name is free.
  assert.ok((await client.send({ op: 'subscribe', ref: 'a', job_id: job.id }).story('a')).length > seen)
})

test('a job is canceled from a socket as by its route, and the audit log has it', async t => {
  const { url, ask, issue, admin } = await startAuthStage(t, {}, {})
  const { token, id: tokenId } = await issue({ scopes: ['jobs:read', 'jobs:write', 'inference'] })
  const reader = await issue({ scopes: ['jobs:read'] })
  const submit = async (body: object) =>
    ((await (await ask(token, 'POST', '/jobs', body)).json()) as { id: string }).id
  const running = await submit(talkative(100_000))
  const waiting = await submit(chatBody)
  const client = await Client.open(t, url, { headers: { authorization: `Bearer ${token}` } })
  const only = await Client.open(t, url, { headers: { authorization: `Bearer ${reader.token}` } })
  client.send({ op: 'subscribe', ref: 's', job_id: running })
  await client.until(({ event }) => event?.type === 'job.output')

  assert.equal((await client.send({ op: 'cancel', ref: 'w', job_id: waiting }).answer('w')).state, 'canceled')
  assert.match((await client.send({ op: 'cancel', ref: 'r', job_id: running }).answer('r')).state!, /^cancel/)
  assert.equal((await client.story('s')).at(-1)!.type, 'job.canceled')
  assert.equal(
    (await client.send({ op: 'cancel', ref: 'r2', job_id: running }).answer('r2')).state,
    'canceled'
  )
  assert.equal(await client.send({ op: 'cancel', ref: 'n', job_id: 'job_none' }).problem('n'), 'not_found')
  assert.equal(
    await only.send({ op: 'cancel', ref: 'x', job_id: running }).problem('x'),
    'insufficient_scope'
  )

  const audit = (await (await ask(admin, 'GET', '/audit?limit=20')).json()) as {
    data: { action: string; actor: string; object: string; result: string }[]
  }
  const told = audit.data.filter(({ action }) => action === 'job.cancel')
  assert.deepEqual(told.map(({ actor, object, result }) => [actor, object, result]).toReversed(), [
    [tokenId, waiting, 'ok'],
    [tokenId, running, 'ok'],
    [tokenId, running, 'ok'],
    [tokenId, 'job_none', 'not_found'],
    [reader.id, running, 'insufficient_scope']
  ])
})

test("another owner's jobs are not there, and none of their events is told", async t => {
  const { url, ask, issue, app } = await startAuthStage(t)
  const [mine, other] = [
    await issue({ scopes: ['jobs:write', 'jobs:read'] }),
    await issue({ scopes: ['jobs:write'] })
  ]
  const submit = async (token: string) =>
    ((await (await ask(token, 'POST', '/jobs', chatBody)).json()) as { id: string }).id
  const foreign = await submit(other.token)
  const client = await Client.open(t, url, { headers: { authorization: `Bearer ${mine.token}` } })
  client.send({ op: 'subscribe', ref: 'all', job_id: '*' })
  for (const frame of [
    { op: 'subscribe', ref: '1', job_id: foreign },
    { op: 'subscribe', ref: '2', job_id: '*', job_ids: [foreign] },
    { op: 'cancel', ref: '3', job_id: foreign },
    { op: 'subscribe', ref: '4', job_id: 'job_none' }
  ]) {
    assert.equal(await client.send(frame).problem(frame.ref), 'not_found')
  }
  const own = await submit(mine.token)
  await submit(other.token)
  const last = await submit(mine.token)
  await client.until(({ event }) => isEndOf(event, last))
  const jobs = new Set(client.frames.flatMap(({ event }) => event?.job_id ?? []))
  assert.deepEqual([...jobs].toSorted(), [own, last].toSorted())
  assert.equal(app.jobs.get(foreign)!.state, 'done')
})

test('what is wrong with one frame is told with its ref, and the socket stays', async t => {
  const stage = await startStage(t)
  const job = await stage.submit()
  await stage.ended(job.id)
  await stage.ask('DELETE', `/jobs/${(await stage.ended((await stage.submit()).id)).id}`)
  const client = await Client.open(t, stage.url)
  client.send({ op: 'subscribe', ref: 'all', job_id: '*' })
  const cases: [string, object][] = [
    ['ref_in_use', { op: 'subscribe', ref: 'all2', job_id: '*' }],
    ['invalid_event_id', { op: 'subscribe', job_id: job.id, after: 'job_other:1' }],
    ['invalid_event_id', { op: 'subscribe', job_id: job.id, after: 'soon' }],
    ['invalid_event_id', { op: 'subscribe', job_id: job.id, after: `${job.id}:-1` }],
    ['invalid_event_id', { op: 'subscribe', job_id: '*', after: 3 }],
    ['invalid_event_id', { op: 'subscribe', job_id: '*', after: `${job.id}:1` }],
    ['not_found', { op: 'subscribe', job_id: 'nonsense' }]
  ]
  await client.send({ op: 'subscribe', ref: 'all2', job_id: '*' }).answer('all2')
  for (const [index, [code, frame]] of cases.entries()) {
    const ref = index === 0 ? 'all2' : `r${index}`
    client.send({ ...frame, ref })
    const { problem } = await client.until(found => found.op === 'error' && found.ref === ref)
    assert.equal(problem!.code, code)
    assert.equal(typeof problem!.request_id, 'string')
  }
  const { problem } = await client
    .send({ op: 'subscribe', ref: 'x'.repeat(64), job_id: 'é' })
    .answer('x'.repeat(64))
  assert.equal(problem!.status, 404)
  await client.send({ op: 'ping', ref: 'p' }).answer('p')
})

test('a hundred subscriptions are what a socket may have', async t => {
  const stage = await startStage(t)
  const client = await Client.open(t, stage.url)
  for (let index = 0; index < 100; index += 1) {
    await client.send({ op: 'subscribe', ref: `s${index}`, job_id: '*', after: 'latest' }).answer(`s${index}`)
    // No more frames a second are read.
    if (index % 20 === 19) await setTimeout(1000)
  }
  assert.equal(stage.app.followers.size, 100)
  assert.equal(
    await client.send({ op: 'subscribe', ref: 'more', job_id: '*' }).problem('more'),
    'too_many_subscriptions'
  )
  await client.send({ op: 'unsubscribe', ref: 'u', sub: 's7' }).answer('u')
  assert.equal((await client.send({ op: 'subscribe', ref: 'more2', job_id: '*' }).answer('more2')).op, 'ack')
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Caller } from '../../../core/access/caller.ts'
import { type Scope, withImplied } from '../../../core/access/scopes.ts'
import { LivePositions } from '../../../core/follow/live-positions.ts'
import { ended, submit, until } from '../../strength/support/jobs.ts'
import { Ear, startStage } from './live-stage.ts'

const callerOf = (owner: string, scopes: Scope[], limits: Caller['limits'] = {}): Caller => ({
  owner,
  scopes: withImplied(scopes),
  limits
})

/** A foreman in a pause, with so many jobs. */
async function paused(t: TestContext, jobs: number) {
  const stage = await startStage(t)
  stage.app.queue.pause()
  const ids = submit(stage.app, ...Array.from({ length: jobs }, () => ({}))).map(({ id }) => id)
  return { ...stage, ids }
}

test('one who follows a queued job is told where it stands, again when that has changed, every 2 s at most', async t => {
  const { app, ids, pass, follow } = await paused(t, 4)
  const ear = new Ear()
  follow.ofJob(ids[3]!, ear)
  await pass(1)
  assert.deepEqual(ear.told, [
    {
      ...{ type: 'queue.position', jobId: ids[3], owner: 'local', attempt: 0, createdAt: Date.now() },
      data: { position: 3, estimated_start_at: null }
    }
  ])
  await pass(10)
  assert.deepEqual(ear.positions, [3])
  for (const id of ids.slice(0, 3)) {
    app.queue.cancel(id)
    await pass(1)
  }
  await pass(2)
  assert.equal(ear.positions.at(-1), 0)
  const times = ear.told.map(({ createdAt }) => createdAt)
  assert.ok(times.length >= 3 && times.every((at, index) => index === 0 || at - times[index - 1]! >= 2000))
  app.queue.cancel(ids[3]!)
  await pass(5)
  assert.equal(ear.told.length, times.length)
})

test('when jobs are started a position comes with its time', async t => {
  const { app, pass, follow } = await startStage(t, { token_delay_ms: 1e6 })
  const [first, second] = submit(app, {}, {})
  await until(app, first!.id, 'working')
  const ear = new Ear()
  follow.ofJob(second!.id, ear)
  await pass(1)
  const [event] = ear.told
  assert.equal(event?.data.position, 1)
  assert.ok(Date.parse(String(event?.data.estimated_start_at)) >= Date.now())
})

test('on the wire it has no id and no seq, and one about the target no job', async t => {
  const { app } = await startStage(t)
  const { eventObjects } = app
  const createdAt = Date.UTC(2026, 0, 2)
  const data = { position: 3, estimated_start_at: null }
  const position = {
    type: 'queue.position',
    jobId: 'job_1',
    owner: 'x',
    attempt: 2,
    createdAt,
    data
  } as const
  const created_at = '2026-01-02T00:00:00.000Z'
  const shown = { type: 'queue.position', job_id: 'job_1', attempt: 2, created_at, data }
  assert.deepEqual(eventObjects.liveOf(position), shown)
  assert.equal(eventObjects.liveTextOf(position), JSON.stringify(shown))
  const down = { type: 'target.down', createdAt, data: { reason: 'refused', detail: 'x' } } as const
  assert.deepEqual(eventObjects.liveOf(down), { type: 'target.down', created_at, data: down.data })
})

test('who comes later is told what the others know already', async t => {
  const { ids, pass, follow } = await paused(t, 3)
  const [first, second, all] = [new Ear(), new Ear(), new Ear()]
  follow.ofJob(ids[2]!, first)
  await pass(4)
  follow.ofJob(ids[2]!, second)
  follow.ofAll(all, { jobIds: new Set([ids[2]!]) })
  // A look ends where its time is over, and the next one goes on.
  for (let look = 0; look < 100 && !(second.positions.length && all.positions.length); look += 1)
    await pass(1)
  assert.deepEqual([first.positions, second.positions, all.positions], [[2], [2], [2]])
})

test('who follows all jobs is told of those that wait, and who names some of those alone', async t => {
  const { ids, pass, follow } = await paused(t, 5)
  const [all, named, states] = [new Ear(), new Ear(), new Ear()]
  follow.ofAll(all)
  follow.ofAll(named, { jobIds: new Set([ids[3]!]) })
  follow.ofAll(states, { types: new Set(['job.working']) })
  await pass(3)
  const byJob = new Map(all.told.map(({ jobId, data }) => [jobId, data.position]))
  assert.equal(all.told.length, ids.length)
  assert.deepEqual(
    ids.map(id => byJob.get(id)),
    [0, 1, 2, 3, 4]
  )
  assert.deepEqual(named.positions, [3])
  assert.deepEqual(states.told, [])
})

test('jobs take turns where there is no time for all of them', async t => {
  const { app, ids, follow } = await paused(t, 5)
  for (const id of ids) follow.ofJob(id)
  const told: unknown[] = []
  const { db, jobs, queue, queueDepth: depth, followers } = app
  t.mock.method(followers, 'tell', (event: { jobId: string }) => told.push(event.jobId) > 0)
  const positions = new LivePositions({ db, jobs, queue, depth, followers })
  for (let look = 0; look < 5; look += 1) positions.look(Date.now(), () => false)
  assert.deepEqual(told, ids)
  const newcomer = submit(app, {})[0]!
  follow.ofJob(newcomer.id)
  positions.look(Date.now() + 2000, () => false)
  positions.newsFor({ jobId: newcomer.id, hasLive: () => true })
  positions.look(Date.now() + 2000, () => false)
  assert.equal(told.at(-1), newcomer.id, 'who knows nothing yet goes first')
})

test('what happens at the target is told to those who follow all, and may look at models', async t => {
  const { app, pass, follow } = await startStage(t)
  app.queue.pause()
  const [job] = submit(app, {})
  const all = new Ear()
  const ears = {
    reader: follow.ofAll(new Ear(), {}, callerOf('someone', ['jobs:read', 'models:read'])),
    all: follow.ofAll(all)
  }
  const [jobsOnly, limited, named, one, typed] = [new Ear(), new Ear(), new Ear(), new Ear(), new Ear()]
  follow.ofAll(jobsOnly, {}, callerOf('someone', ['jobs:read']))
  follow.ofAll(limited, {}, callerOf('someone', ['jobs:read', 'models:read'], { models: ['beta'] }))
  follow.ofAll(named, { jobIds: new Set([job!.id]) })
  follow.ofAll(typed, { types: new Set(['target.down']) })
  follow.ofJob(job!.id, one)
  app.targetEvents.tell('model.removed', { model: 'alpha:latest', digest: 'sha256:0' })
  app.targetEvents.tell('target.down', { reason: 'refused', detail: 'x' })
  await pass(0)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  const types = (ear: Ear) => ear.told.map(({ type }) => type)
  assert.deepEqual(types(all), ['model.removed', 'target.down'])
  assert.deepEqual(all.told[0]?.data, { model: 'alpha:latest', digest: 'sha256:0' })
  assert.deepEqual([types(jobsOnly), types(named), types(one)], [[], [], []])
  assert.deepEqual([types(limited), types(typed)], [['target.down'], ['target.down']])
  for (const follower of Object.values(ears)) follower.stop()
})

test("nobody hears of another owner's jobs, but an administrator", async t => {
  const { pass, follow } = await paused(t, 2)
  const [other, admin] = [new Ear(), new Ear()]
  follow.ofAll(other, {}, callerOf('someone', ['jobs:read']))
  follow.ofAll(admin, {}, callerOf('root', ['admin']))
  await pass(3)
  assert.deepEqual(other.told, [])
  assert.deepEqual(admin.positions, [0, 1])
})

test('one that is full, or has not read the log to its end, is told nothing', async t => {
  const { app, ids, pass, follow } = await paused(t, 2)
  const [full, behind, well] = [new Ear(), new Ear(), new Ear()]
  full.isFull = true
  follow.ofJob(ids[1]!, full)
  follow.ofJob(ids[1]!, well)
  const late = app.followers.ofJob(app.jobs.get(ids[1]!)!, 0, behind)
  behind.isFull = true
  late.missed()
  await pass(1)
  assert.deepEqual([full.told, behind.told, well.positions], [[], [], [1]])
})

test('nothing is looked at without one who wants to hear, and nothing is left when the last has gone', async t => {
  const { app, ids, pass, follow } = await paused(t, 2)
  const look = t.mock.method(app.jobs, 'get')
  const listeners = () => app.targetEvents.listenerCount('event')
  const before = listeners()
  const { event, gap, ended: over } = new Ear()
  const deaf = app.followers.ofJob(app.jobs.get(ids[0]!)!, 0, {
    isFull: false,
    event: event.bind(new Ear()),
    gap,
    ended: over
  })
  look.mock.resetCalls()
  await pass(5)
  assert.deepEqual([look.mock.callCount(), listeners()], [0, before])
  const followers = [follow.ofJob(ids[0]!), follow.ofAll(new Ear())]
  await pass(3)
  assert.ok(look.mock.callCount() > 2)
  assert.equal(listeners(), before + 1)
  for (const follower of [...followers, ...followers, deaf]) follower.stop()
  look.mock.resetCalls()
  await pass(5)
  assert.deepEqual([look.mock.callCount(), listeners(), app.followers.size], [0, before, 0])
  // By real timers: one that foreman left running at its end would keep this process from its own.
  t.mock.timers.reset()
  follow.ofJob(ids[0]!)
  assert.equal(listeners(), before + 1)
  await app.close()
  assert.equal(listeners(), before)
})

test('a thousand followers of a foreman without work ask its store nothing', async t => {
  const { app, pass, follow } = await startStage(t, { token_count: 1 })
  const [job] = submit(app, {})
  await ended(app, job!.id)
  await pass(1)
  const ears = Array.from({ length: 1000 }, () => new Ear())
  for (const ear of ears) follow.ofAll(ear)
  const statement = Object.getPrototypeOf(app.db.prepare('SELECT 1'))
  const asked = ['get', 'all', 'run', 'iterate'].map(name => t.mock.method(statement, name))
  const ofFollowers = () =>
    asked.flatMap(({ mock }) => mock.calls).filter(({ stack }) => stack.stack?.includes('/core/follow/'))
      .length
  await pass(60)
  assert.equal(ofFollowers(), 0)
  assert.ok(ears.every(({ told }) => told.length === 0))
  app.queue.pause()
  submit(app, {})
  await pass(3)
  assert.ok(ofFollowers() > 0, 'what is counted here is what they ask')
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Job, NewJob } from '../../../core/jobs/job.ts'
import { longestBodyBytes } from '../../../plugins/webhooks/messages.ts'
import { answerOf, newJob } from '../../core/jobs/fixtures.ts'
import { startForeman, temporaryDir } from '../../helpers/foreman.ts'

/** Nobody is there: jobs do what the test does with them, and nothing is ever delivered. */
const nowhere = 'http://127.0.0.1:9'
const webhook = { url: 'https://receiver.example/', events: ['job.*'], secret: null }

interface Told {
  readonly id: string
  readonly type: string
  readonly timestamp: string
  readonly data: Record<string, unknown>
}

async function start(t: TestContext, dataDir = temporaryDir(t)): Promise<FastifyInstance> {
  const settings = { plugins: { auth: false } }
  return (await startForeman(t, { target: nowhere, settings, dataDir })).app
}

function accept(app: FastifyInstance, part: Partial<NewJob> = {}): Job {
  return app.jobs.accept([{ job: newJob({ webhook, ...part }), dueAt: 0 }])[0]!
}

function told({ db }: FastifyInstance): Told[] {
  const rows = db.prepare('SELECT id, body FROM webhook_message ORDER BY seq').all() as {
    id: string
    body: string
  }[]
  return rows.map(({ id, body }) => ({ id, ...JSON.parse(body) }))
}

/** Until messages were made of all that has happened so far. */
async function settled(app: FastifyInstance): Promise<void> {
  const place = app.db.prepare('SELECT (SELECT n FROM webhook_place) = (SELECT max(n) FROM event)').pluck()
  while (place.get() === 0) await nextTurn()
}

/** A life with a retry in it; `between` comes after each step. */
async function live(app: FastifyInstance, job: Job, between: () => Promise<void>): Promise<void> {
  const error = { code: 'target_5xx', message: 'no', retryable: true, attempt: 1 }
  let now = job
  const move = async (
    ...change: Parameters<typeof app.jobs.move> extends [Job, ...infer Rest] ? Rest : never
  ) => {
    now = app.jobs.move(now, ...change)
    await between()
  }
  await between()
  await move('loading', { attempt: 1, startedAt: 1_700_000_000_000 })
  await move('working')
  await move('queued', { error, availableAt: 1_700_000_000_000 })
  await move('working', { attempt: 2, startedAt: 1_700_000_001_000, error: null })
  await move('done', { firstTokenAt: 1_700_000_002_000, result: answerOf('{"done":true}') })
}

/** Without what is of the moment. */
function shapeOf({ type, data }: Told): unknown {
  const {
    id: _id,
    urls: _urls,
    created_at,
    finished_at,
    expires_at,
    timings: _timings,
    artifacts,
    ...rest
  } = data
  const isThere = [created_at, finished_at, expires_at].map(time => time !== null)
  // The log does not say when a first token came, and nothing of an attempt whose place another took.
  const lost = {
    first_token_at: 0,
    available_at: 0,
    started_at: 0,
    ...(type === 'job.retrying' && { error: 0 })
  }
  return { type, isThere, artifacts: (artifacts as unknown[]).length, ...rest, ...lost }
}

test('a message has the job as its event left it, however late it is made', async t => {
  const app = await start(t)
  await live(app, accept(app), () => settled(app))
  const atOnce = told(app)
  await live(app, accept(app), async () => {})
  await settled(app)
  const late = told(app).slice(atOnce.length)
  assert.deepEqual(
    atOnce.map(({ type }) => type),
    ['job.queued', 'job.loading', 'job.working', 'job.retrying', 'job.working', 'job.done']
  )
  assert.deepEqual(
    atOnce.map(({ data }) => [data.seq, data.version]),
    [1, 2, 3, 4, 5, 6].map(n => [n, n])
  )
  assert.deepEqual(late.map(shapeOf), atOnce.map(shapeOf))
  const log = app.db.prepare('SELECT id FROM event ORDER BY n').pluck().all()
  assert.deepEqual(
    told(app).map(({ id }) => id),
    log
  )
})

test('what happened just before a stop is told after the next start, once', async t => {
  const dataDir = temporaryDir(t)
  const first = await start(t, dataDir)
  await first.ready()
  const job = accept(first)
  first.jobs.move(first.jobs.move(job, 'working', { attempt: 1 }), 'done')
  await first.close()
  const second = await start(t, dataDir)
  await settled(second)
  assert.deepEqual(
    told(second).map(({ type }) => type),
    ['job.queued', 'job.working', 'job.done']
  )
  await second.close()
  const third = await start(t, dataDir)
  accept(third)
  await settled(third)
  assert.equal(told(third).length, 4)
})

test('a job that a dead process left in the middle is told of by the next one', async t => {
  const dataDir = temporaryDir(t)
  const first = await start(t, dataDir)
  first.jobs.move(accept(first), 'working', { attempt: 1 })
  await first.close()
  const second = await start(t, dataDir)
  await settled(second)
  assert.equal(told(second).at(-1)!.type, 'job.retrying')
})

test('nobody is told of what somebody waits for', async t => {
  const app = await start(t)
  const attached = accept(app, { attached: true })
  app.jobs.move(app.jobs.move(attached, 'working'), 'done')
  accept(app, {})
  await settled(app)
  assert.deepEqual(
    told(app).map(({ data }) => data.id === attached.id),
    [false]
  )
})

test('a job that wants nothing makes no message, and moves the place on', async t => {
  const app = await start(t)
  const { webhook: _webhook, ...silent } = newJob()
  const [job] = app.jobs.accept([{ job: silent, dueAt: 0 }])
  app.jobs.move(app.jobs.move(job!, 'working'), 'done')
  accept(app, { webhook: { ...webhook, events: ['job.done'] } })
  await settled(app)
  assert.deepEqual(told(app), [])
})

test('what cannot be written is tried again until it can be', async t => {
  const app = await start(t)
  await app.ready()
  app.db.exec(
    "CREATE TEMP TRIGGER full BEFORE INSERT ON main.webhook_message BEGIN SELECT RAISE(FAIL, 'full'); END"
  )
  accept(app)
  await nextTurn()
  await nextTurn()
  assert.deepEqual(told(app), [])
  app.db.exec('DROP TRIGGER full')
  accept(app)
  await settled(app)
  assert.equal(told(app).length, 2)
})

test('no message is longer than 32 KiB, and says what it leaves out', async t => {
  const app = await start(t)
  const metadata = Object.fromEntries(
    Array.from({ length: 16 }, (_, n) => [
      `${String.fromCharCode(1 + n).repeat(63)}${n % 10}`,
      '\u0001'.repeat(512)
    ])
  )
  const bulky = app.jobs.move(accept(app, { metadata }), 'working')
  app.jobs.move(bulky, 'failed', {
    result: answerOf(JSON.stringify({ response: 'x'.repeat(15_000) })),
    error: { code: 'target_error', message: '\u0001'.repeat(10_000), retryable: false, attempt: 1 }
  })
  const long = app.jobs.move(accept(app), 'working')
  app.jobs.move(long, 'done', { result: answerOf(JSON.stringify({ response: 'x'.repeat(20_000) })) })
  const short = app.jobs.move(accept(app), 'working')
  app.jobs.move(short, 'done', { result: answerOf(JSON.stringify({ response: 'y'.repeat(15_000) })) })
  await settled(app)
  const sizes = app.db.prepare('SELECT max(length(CAST(body AS BLOB))) FROM webhook_message').pluck().get()
  assert.ok((sizes as number) <= longestBodyBytes, String(sizes))
  const ends = told(app).filter(({ type }) => type === 'job.done' || type === 'job.failed')
  assert.deepEqual(
    ends.map(({ data }) => data.omitted),
    [['result', 'metadata', 'error'], ['result'], undefined]
  )
  assert.deepEqual(
    ends.map(({ data }) => data.id),
    [bulky.id, long.id, short.id]
  )
  assert.equal((ends[2]!.data.result as { response: string }).response.length, 15_000)
})

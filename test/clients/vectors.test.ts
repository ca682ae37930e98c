/** The fixed vectors of clients/vectors are what foreman's own code makes; each client reads them in tests of its own. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { Cursors } from '../../core/cursor.ts'
import * as coreErrors from '../../core/errors.ts'
import {
  type ForemanError,
  InvalidCursorError,
  installErrors,
  renderError,
  surfaceOf
} from '../../core/errors.ts'
import { seqOfId } from '../../core/follow/event-ids.ts'
import { linkNext } from '../../core/next-link.ts'
import * as authErrors from '../../plugins/auth/errors.ts'
import { eventObjects } from '../../plugins/jobs/event-object.ts'
import * as frames from '../../plugins/sse/frames.ts'
import { startStage } from '../plugins/sse/stage.ts'
import {
  type ErrorsCase,
  type FollowCase,
  type ListCase,
  type Said,
  sse,
  type Told,
  vectors
} from './vector-files.ts'

const followed = vectors('cursors').filter(one => one.kind === 'follow')
const listed = vectors('cursors').filter(one => one.kind === 'list')

/** Of a job that is not there any more: then its last event has its facts alone, and needs no store. */
const noJobs = { jobs: { get: () => undefined } } as unknown as FastifyInstance
const objects = eventObjects(noJobs, { of: () => assert.fail('there is no job') })
const encoders = frames.eventFrames({
  eventObjects: objects,
  epochs: { current: '0123456789ab' } as never
}).inJob

test('foreman writes the streams of events.json and cursors.json to the byte', () => {
  const streams = [...vectors('events'), ...followed].map(one => ({ ...one, said: saidIn(one) }))
  for (const { name, from, said, ...more } of streams) {
    if (from === 'elsewhere' || 'job' in more)
      assert.ok(
        said.every(({ by }) => by === undefined),
        name
      )
    else for (const one of said) assert.equal(written(one).toString(), one.sse, name)
  }
  // Each encoder has its say.
  const used = new Set(streams.flatMap(({ said }) => said.map(({ by }) => by)))
  assert.deepEqual(used, new Set([undefined, 'hello', 'heartbeat', 'event', 'live', 'gap', 'end']))
})

test('a real job tells what the first case of events.json has', async t => {
  const { job, stream, job_id } = vectors('events').find(one => one.job !== undefined)!
  const stage = await startStage(t, { token_count: 1 })
  const { id } = await stage.submit(job)
  await stage.ended(id)
  const answer = await fetch(`${stage.url}/jobs/${id}/events`, { headers: { accept: 'text/event-stream' } })
  assert.equal(shape(await answer.text(), id), shape(sse(stream), job_id))
})

test('the places of the vectors are ids of events, and foreman reads them as the seq that they stand for', () => {
  for (const { name, job_id, stream } of [...vectors('events'), ...followed.flatMap(streamsOf)])
    for (const { place, tells, sse } of stream) {
      if (place === undefined) continue
      if (tells?.seq !== undefined) assert.equal(seqOfId(place, job_id), tells.seq, name)
      assert.match(sse, new RegExp(`^id: ?${place}`, 'm'), name)
    }
})

test('foreman writes the answers of errors.json to the byte', async t => {
  const url = await listening(t, app => installErrors(app))
  for (const { name, from, made_of, status, headers, body } of vectors('errors')) {
    assert.equal(made_of !== undefined, from === 'foreman', name)
    if (made_of === undefined) continue
    const made = 'error' in made_of ? rendered(made_of) : await asked(url + made_of.unknown_path)
    assert.deepEqual({ status: made.status, body: made.body }, { status, body }, name)
    for (const header of ['content-type', 'foreman-error-code', 'retry-after'])
      assert.equal(made.headers[header], headers[header], `${name}: ${header}`)
  }
})

test('errors.json has every error of core and of tokens that looks as if it passed, and does not', () => {
  const passing = new Set([408, 429, 502, 503, 504])
  const deceiving = [...kinds.values()]
    .map(kind => kind.prototype)
    .filter(({ retryable, wireCode }) => !retryable && passing.has(statusOf(wireCode)))
    .map(({ wireCode }) => wireCode)
  assert.ok(deceiving.length > 0)
  const shown = vectors('errors')
    .filter(
      ({ status, says, body }) => passing.has(status) && !says.retryable && body.startsWith('{"error":')
    )
    .map(({ says }) => says.code)
  assert.deepEqual(shown.sort(), deceiving.sort())
})

test('foreman makes the cursors and links of cursors.json, and reads none that is of somebody else', async t => {
  const url = await listening(t, app => {
    app.get('/jobs', ({ query }, reply) => {
      const { next, cursor: _, ...asked } = query as Record<string, string>
      linkNext(reply, '/jobs', asked, next!)
      return reply.send()
    })
  })
  for (const { name, made_of, pages } of listed.filter(({ from }) => from === 'foreman')) {
    const cursors = new Cursors({ make: () => Buffer.from(made_of!.key, 'hex') } as never)
    for (const [n, { asks, last_seq, headers, body }] of pages.entries()) {
      if (last_seq === undefined) continue
      const next = cursors.write(last_seq, made_of!.owner)
      assert.equal(body.next_cursor, next, name)
      assert.equal(cursors.read(next, made_of!.owner), last_seq, name)
      assert.throws(() => cursors.read(next, `${made_of!.owner}0`), InvalidCursorError, name)
      const answer = await fetch(`${url}/jobs?${new URLSearchParams({ ...asks, next })}`)
      assert.equal(answer.headers.get('link'), headers.link, name)
      assert.deepEqual(paramsOf(headers.link!), pages[n + 1]!.asks, name)
    }
  }
})

test('a foreman understands what the lists of cursors.json ask, and its own pages go on like that', async t => {
  const stage = await startStage(t, { token_count: 1 })
  for (let n = 0; n < 5; n += 1) await stage.ended((await stage.submit()).id)
  for (const { name, pages } of listed) {
    const { status, text } = await stage.ask('GET', `/jobs?${new URLSearchParams(pages[0]!.asks)}`)
    assert.equal(status, 200, `${name}: ${text}`)
  }
  const { pages } = listed[0]!
  let cursor: string | undefined
  for (const { asks, headers, body } of pages) {
    const query = new URLSearchParams({ ...asks, ...(cursor !== undefined && { cursor }) })
    const { body: page, headers: got } = await stage.ask<Page>('GET', `/jobs?${query}`)
    assert.deepEqual([page.data.length, page.has_more], [(body.data as unknown[]).length, body.has_more])
    cursor = page.next_cursor ?? undefined
    const link = headers.link?.replace(String(body.next_cursor), cursor!)
    assert.equal(got.get('link') ?? undefined, link)
  }
  assert.equal(cursor, undefined)
})

interface Page {
  readonly data: unknown[]
  readonly has_more: boolean
  readonly next_cursor: string | null
}

function saidIn(one: { readonly stream: readonly Said[] } | FollowCase): readonly Said[] {
  return 'stream' in one ? one.stream : one.requests.flatMap(({ stream = [] }) => stream)
}

function streamsOf({ name, job_id, requests }: FollowCase) {
  return requests.map(({ stream = [] }) => ({ name, job_id, stream }))
}

/** The bytes that an encoder of foreman's makes of an event, or of its one word. */
function written({ by, of, tells }: Said): Buffer {
  switch (by) {
    case 'hello':
      return frames.hello
    case 'heartbeat':
      return frames.heartbeats[of as frames.Heartbeat]
    case 'end':
      return frames.endFrame(of as frames.EndReason)
    case 'gap': {
      const { oldest_seq, snapshot_seq } = tells!.data as { oldest_seq: number; snapshot_seq: number | null }
      return frames.gapFrame({ oldestSeq: oldest_seq, snapshotSeq: snapshot_seq })
    }
    case 'live':
      return encoders.ofLive(inner(tells!) as never)
    case 'event':
      return encoders.of(inner(tells!) as never)
    default:
      assert.fail('nobody makes it')
  }
}

/** An event as foreman has it within. */
function inner({ job_id, created_at, ...event }: Told): object {
  return { ...event, jobId: job_id, createdAt: Date.parse(created_at as string), owner: 'somebody', n: 1 }
}

/** A stream without what is another with each job: ids, times, and what depends on how long they are. */
function shape(text: string, jobId: string): string {
  return text
    .replaceAll(jobId, 'job_X')
    .replace(/\b(evt|art)_[0-9a-z]{26}/g, '$1_X')
    .replace(/"sha256:[0-9a-f]{64}"/g, '"sha256:X"')
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"')
    .replace(/"(size_bytes|\w+_s|\w*_duration)":[\d.e-]+/g, '"$1":0')
}

type Kind = (new (...values: unknown[]) => ForemanError) & { readonly prototype: ForemanError }
/** The classes of errors by their codes. */
const kinds = new Map(
  Object.values({ ...coreErrors, ...authErrors })
    .filter((one): one is Kind => typeof one === 'function' && one.prototype?.wireCode !== undefined)
    .map(kind => [kind.prototype.wireCode, kind])
)

function statusOf(code: string): number {
  return new (kinds.get(code)!)(...Array(9).fill(0)).statusCode
}

function rendered({
  error,
  values,
  set,
  path,
  request_id
}: Extract<ErrorsCase['made_of'], { error: string }>) {
  const thrown = Object.assign(new (kinds.get(error)!)(...values), set)
  return renderError(thrown, surfaceOf(path), request_id)
}

async function asked(url: string) {
  const answer = await fetch(url)
  const headers: Record<string, string> = Object.fromEntries(answer.headers)
  return { status: answer.status, headers, body: await answer.text() }
}

function paramsOf(link: string): ListCase['pages'][number]['asks'] {
  const [, path] = /^<(.*)>; rel="next"$/.exec(link)!
  return Object.fromEntries(new URL(path!, 'http://x').searchParams)
}

async function listening(t: TestContext, add: (app: FastifyInstance) => void): Promise<string> {
  const app = Fastify()
  t.after(() => app.close())
  add(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}

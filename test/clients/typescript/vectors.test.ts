/** The TypeScript client is held against the fixed vectors of clients/vectors: whole, and byte by byte. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type FollowCase,
  type ListCase,
  type SignaturesCase,
  sse,
  told,
  type Update,
  vectors
} from '../vector-files.ts'
import { load } from './built.ts'
import { json, type Say, startSpeaking } from './speaking-server.ts'

const { Foreman, ForemanError, JobNotDoneError, TextMissingError, verifyWebhook, WebhookVerificationError } =
  await load('index')
const retry = { minDelayS: 0.001, maxDelayS: 0.002 }

/** Says a stream, and ends the connection in the middle of the answer. */
function streaming(text: string): Say {
  return answer => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' })
    if (text === '') answer.flushHeaders()
    answer.write(text, () => answer.destroy())
  }
}

/** `fetch` whose answers come a byte at a time. */
const byteByByte: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init)
  const single = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, out) {
      for (const byte of chunk) out.enqueue(Uint8Array.of(byte))
    }
  })
  return new Response(answer.body?.pipeThrough(single) ?? null, answer)
}

for (const { name, job_id, stream, text, not_done, missing } of vectors('events')) {
  for (const [how, fetcher] of Object.entries({ whole: fetch, 'byte by byte': byteByByte })) {
    test(`events, ${how}: ${name}`, async t => {
      const { url: baseUrl, heard } = await startSpeaking(t, streaming(sse(stream)))
      const foreman = new Foreman({ baseUrl, fetch: fetcher, retry: false })
      assert.deepEqual(await all(foreman.follow(job_id)), told(stream))
      const { updates, err } = await written(foreman.text(job_id))
      assert.deepEqual(updates, text)
      if (missing !== undefined) {
        assert.ok(err instanceof TextMissingError, String(err))
        const { channel, index, had, offset } = err
        assert.deepEqual({ channel, index, had, offset }, missing)
      } else if (not_done === undefined) assert.equal(err, undefined)
      else assert.ok(err instanceof JobNotDoneError && err.job.state === not_done, String(err))
      assert.equal(heard.length, 2)
    })
  }
}

for (const { name, status, headers, body, says } of vectors('errors')) {
  test(`errors: ${name}`, async t => {
    const { url: baseUrl } = await startSpeaking(t, answer => answer.writeHead(status, headers).end(body))
    await assert.rejects(new Foreman({ baseUrl, retry: false }).queue(), err => {
      assert.ok(err instanceof ForemanError)
      const { code = null, detail, retryable, retryAfterS = null, requestId = null, faults } = err
      const { faults: wrong = [], ...rest } = says
      assert.deepEqual(
        { code, detail, retryable, retry_after_s: retryAfterS, request_id: requestId },
        { ...rest }
      )
      assert.deepEqual(faults, wrong)
      assert.equal(err.status, status)
      return true
    })
  })
}

for (const one of vectors('signatures')) {
  test(`signatures: ${one.name}`, async () => {
    const { body, headers, secrets, now_s, tolerance_s, verdict, off_s } = one
    const options = { now: new Date(now_s * 1000), ...(tolerance_s && { toleranceS: tolerance_s }) }
    const verified = [body, Buffer.from(body)].map(body => verifyWebhook(body, headers, secrets, options))
    for (const result of await Promise.allSettled(verified)) assert.equal(verdictOf(result), verdict)
    if (off_s === undefined) return
    const where = `${Math.abs(off_s)} s ${off_s > 0 ? 'ahead of' : 'behind'} this machine's clock`
    await assert.rejects(verified[0]!, ({ message }) => message.includes(where))
  })
}

for (const one of vectors('cursors')) {
  test(`cursors: ${one.name}`, async t => (one.kind === 'follow' ? goesOn(t, one) : lists(t, one)))
}

async function goesOn(t: Parameters<typeof startSpeaking>[0], one: FollowCase): Promise<void> {
  const { job_id, after, requests } = one
  const says = requests.map(({ status, stream }): Say => {
    return stream === undefined ? answer => answer.writeHead(status).end() : streaming(sse(stream))
  })
  const { url: baseUrl, heard } = await startSpeaking(t, ...says)
  const events = await all(new Foreman({ baseUrl, retry }).follow(job_id, { after }))
  assert.deepEqual(events, told(requests.flatMap(({ stream = [] }) => stream)))
  const behind = heard.map(({ url, headers }) => {
    // The header wins, see http-api.md.
    const id = headers['last-event-id'] ?? `${job_id}:${new URL(url, baseUrl).searchParams.get('after') ?? 0}`
    return id
  })
  assert.deepEqual(
    behind,
    requests.map(({ behind }) => `${job_id}:${behind}`)
  )
}

async function lists(t: Parameters<typeof startSpeaking>[0], one: ListCase): Promise<void> {
  const { filter, pages, listed, refused } = one
  const says = pages.map(({ status, headers, body }) => json(body, status, headers))
  const { url: baseUrl, heard } = await startSpeaking(t, ...says)
  const { state, model, created_after, metadata, page_size } = filter
  const which = {
    ...(state && { state: state as never }),
    ...(model && { model }),
    ...(created_after && { createdAfter: created_after }),
    ...(metadata && { metadata }),
    ...(page_size && { pageSize: page_size })
  }
  const ids: string[] = []
  const listing = async () => {
    for await (const { id } of new Foreman({ baseUrl, retry: false }).list(which)) ids.push(id)
  }
  if (refused === undefined) await listing()
  else await assert.rejects(listing(), { name: 'ForemanError', code: refused })
  assert.deepEqual(ids, listed)
  assert.deepEqual(
    heard.map(({ url }) => Object.fromEntries(new URL(url, baseUrl).searchParams)),
    pages.map(({ asks }) => asks)
  )
}

function verdictOf(result: PromiseSettledResult<unknown>): SignaturesCase['verdict'] {
  if (result.status === 'fulfilled') return 'accepted'
  if (result.reason instanceof TypeError) return 'secret'
  assert.ok(result.reason instanceof WebhookVerificationError, String(result.reason))
  return result.reason.fault
}

/** What is told of a text, and how it ends. @throws {AssertionError} where `whole` is not what was told so far */
async function written(text: ReturnType<InstanceType<typeof Foreman>['text']>) {
  const updates: Update[] = []
  let wholes = new Map<string, string>()
  try {
    for await (const update of text) {
      if (update.type === 'reset') {
        wholes = new Map()
        updates.push({ reset: true })
        continue
      }
      const { channel, index, text, whole } = update
      const key = `${channel} ${index}`
      wholes.set(key, (wholes.get(key) ?? '') + text)
      assert.equal(whole, wholes.get(key))
      updates.push({ channel, index, text })
    }
  } catch (err) {
    return { updates, err }
  }
  return { updates }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

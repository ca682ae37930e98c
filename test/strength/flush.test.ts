/** An acknowledged job is on the disk: the system calls say so, and so does a process that is killed at once. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ForemanProcess, spawnForeman, temporaryDir } from '../helpers/foreman.ts'
import { assertBlobBefore, assertFlushedBeforeTold, tracedCalls } from './support/flushed.ts'
import { reading } from './support/invariants.ts'
import { startFake, withShortPauses } from './support/rig.ts'
import { type SystemCall, trace, whyNoTrace } from './support/strace.ts'

const skip = whyNoTrace()
if (skip !== undefined) console.error(`test/strength/flush.test.ts: ${skip}`)

const body = JSON.stringify({ model: 'alpha', prompt: 'hello' })
const json = { 'content-type': 'application/json' }

/** Starts foreman and traces what it does while `play` speaks to it. */
async function traced(
  t: TestContext,
  play: (foreman: ForemanProcess) => Promise<void>
): Promise<SystemCall[]> {
  const fake = await startFake(t)
  const foreman = await spawnForeman(t, { target: fake.url, settings: withShortPauses() })
  await foreman.logged('the target answers')
  const running = await trace(t, foreman.pid, tracedCalls)
  await play(foreman)
  return running.end()
}

async function idsOf(answers: Promise<Response>[]): Promise<string[]> {
  return Promise.all(answers.map(async answer => ((await (await answer).json()) as { id: string }).id))
}

test('the commit of a job is flushed before its 202 is sent', { skip }, async t => {
  const ids: string[] = []
  const calls = await traced(t, async ({ url }) => {
    const post = () => fetch(`${url}/jobs`, { method: 'POST', headers: json, body })
    for (let count = 0; count < 5; count++) ids.push(...(await idsOf([post()])))
    // Those that come together share commits.
    ids.push(...(await idsOf(Array.from({ length: 24 }, post))))
  })
  for (const id of ids) assertFlushedBeforeTold(calls, id, /HTTP\/1\.1 202/)
  // The proof can fail.
  const unflushed = calls.filter(({ name }) => !/^f(data)?sync$/.test(name))
  assert.throws(
    () => assertFlushedBeforeTold(unflushed, ids[0]!, /HTTP\/1\.1 202/),
    /before its commit was flushed/
  )
})

test('the commit of a line is flushed before its answer is sent', { skip }, async t => {
  let ids: string[] = []
  const calls = await traced(t, async ({ url }) => {
    const lines = Array.from({ length: 200 }, () => body).join('\n')
    const headers = { 'content-type': 'application/x-ndjson' }
    const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body: lines })
    ids = (await answer.text())
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).id)
  })
  assert.equal(ids.length, 200)
  for (const id of ids) assertFlushedBeforeTold(calls, id, /\{\\"id\\":/)
})

test('a native request that becomes a job is flushed before its 202 is sent', { skip }, async t => {
  let ids: string[] = []
  const calls = await traced(t, async ({ url }) => {
    const headers = { ...json, prefer: 'respond-async' }
    ids = await idsOf([fetch(`${url}/api/generate`, { method: 'POST', headers, body })])
  })
  assertFlushedBeforeTold(calls, ids[0]!, /HTTP\/1\.1 202/)
})

test('the file of an upload is flushed before its row, and that before the 201', { skip }, async t => {
  let uploaded = { id: '', digest: '' }
  const calls = await traced(t, async ({ url }) => {
    const answer = await fetch(`${url}/artifacts`, { method: 'POST', body: 'x'.repeat(100_000) })
    assert.equal(answer.status, 201)
    uploaded = (await answer.json()) as typeof uploaded
  })
  const rowAt = assertFlushedBeforeTold(calls, uploaded.id, /HTTP\/1\.1 201/)
  assertBlobBefore(calls, uploaded.digest.replace('sha256:', ''), rowAt)
})

/** Sends a request and kills foreman in the very turn in which the first bytes of the answer are there. */
async function killAtAnswer(foreman: ForemanProcess, request: string): Promise<string> {
  const { port } = new URL(foreman.url)
  const socket = connect(Number(port), '127.0.0.1')
  const answer = await new Promise<string>((resolve, reject) => {
    socket.once('error', reject).once('data', bytes => {
      process.kill(foreman.pid, 'SIGKILL')
      resolve(String(bytes))
    })
    socket.write(request)
  })
  socket.destroy()
  await foreman.exited
  return answer
}

function post(path: string, type: string, text: string): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${text.length}`
  return `${head}\r\n\r\n${text}`
}

test('killed at the first byte of an answer, foreman has what that answer tells', async t => {
  const fake = await startFake(t)
  const dataDir = temporaryDir(t)
  const requests = [
    post('/jobs', 'application/json', body),
    post('/jobs', 'application/x-ndjson', Array.from({ length: 50 }, () => body).join('\n')),
    post('/artifacts', 'text/plain', 'a picture')
  ]
  for (const request of requests) {
    const foreman = await spawnForeman(t, { target: fake.url, dataDir, settings: withShortPauses() })
    const answer = await killAtAnswer(foreman, request)
    const told = [...answer.matchAll(/"id":"((?:job|art)_\w{26})"/g)].map(([, id]) => id!)
    assert.ok(told.length > 0, answer)
    const kept = reading(dataDir, db =>
      db.prepare('SELECT id FROM job UNION SELECT id FROM artifact').pluck().all()
    )
    for (const id of told) assert.ok(kept.includes(id), `${id} is lost`)
  }
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { prefersLines } from '../../../plugins/jobs/accept.ts'
import { assertProblem, chatBody, type ShownJob, type Stage, startStage } from './stage.ts'

const accept = 'application/x-ndjson'

/** All jobs that fit, as lines. */
async function jobLines({ url }: Pick<Stage, 'url'>, query = ''): Promise<ShownJob[]> {
  const answer = await fetch(`${url}/jobs${query}`, { headers: { accept } })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), accept)
  assert.equal(answer.headers.get('vary'), 'accept')
  const text = await answer.text()
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as ShownJob)
}

/** Hands in jobs of one run, the first first. */
async function submitRun({ url }: Pick<Stage, 'url'>, run: string, count: number): Promise<string[]> {
  const line = (n: number) => `${JSON.stringify({ request: chatBody, metadata: { run, n: String(n) } })}\n`
  const body = Array.from({ length: count }, (_, n) => line(n)).join('')
  const answer = await fetch(`${url}/jobs`, { method: 'POST', headers: { 'content-type': accept }, body })
  const ids = (await answer.text()).split('\n').slice(0, -1)
  return ids.map(answered => (JSON.parse(answered) as { id: string }).id)
}

test('a batch is collected in one request, each job with its result, the newest first', async t => {
  const stage = await startStage(t)
  const ids = await submitRun(stage, 'a', 50)
  await submitRun(stage, 'b', 5)
  for (const id of ids) await stage.ended(id)
  const jobs = await jobLines(stage, '?metadata.run=a')
  assert.deepEqual(
    jobs.map(job => job.id),
    ids.toReversed()
  )
  for (const job of jobs) {
    assert.equal(job.state, 'done')
    assert.equal((job.result as { message: { content: string } }).message.content.slice(0, 4), 'tok0')
  }
  const one = await stage.ask('GET', `/jobs/${ids[0]}`)
  assert.deepEqual(jobs.at(-1), one.body)
})

test('limit is the number of all of them, and a cursor of a page is where they begin', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const ids = (await submitRun(stage, 'a', 150)).toReversed()
  const idsOf = (jobs: readonly ShownJob[]) => jobs.map(job => job.id)
  assert.deepEqual(idsOf(await jobLines(stage)), ids)
  assert.deepEqual(idsOf(await jobLines(stage, '?limit=130')), ids.slice(0, 130))
  const page = await stage.ask<{ next_cursor: string }>('GET', '/jobs?limit=7')
  assert.equal(page.headers.get('vary'), 'accept')
  const cursor = `cursor=${page.body.next_cursor}`
  assert.deepEqual(idsOf(await jobLines(stage, `?${cursor}`)), ids.slice(7))
  assert.deepEqual(idsOf(await jobLines(stage, `?${cursor}&limit=21`)), ids.slice(7, 28))
  assert.deepEqual(await jobLines(stage, '?state=failed'), [])
  assertProblem(await stage.ask('GET', '/jobs?limit=101'), 422, 'validation_failed')
  for (const wrong of ['limit=0', 'limit=1e99', 'cursor=x', 'state=none']) {
    const answer = await stage.ask('GET', `/jobs?${wrong}`, { headers: { accept } })
    assert.ok([400, 422].includes(answer.status), wrong)
  }
})

test('a client that does not read holds up nobody, and costs no memory to speak of', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  await submitRun(stage, 'a', 20_000)
  const socket = connect(Number(new URL(stage.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  const [request] = await Promise.all([
    once(stage.app.server, 'request').then(([, reply]) => reply),
    socket.write(`GET /jobs HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n\r\n`)
  ])
  // What the socket does not take stays unmade but for a little.
  while (!request.writableNeedDrain) await new Promise(resolve => setImmediate(resolve))
  assert.equal((await stage.ask('GET', '/queue')).status, 200)
  assert.ok(request.writableLength < 1024 * 1024, `${request.writableLength} bytes wait`)
  const closed = once(request, 'close')
  await stage.app.close()
  await closed
})

test('lines are an answer to those alone who ask for them by name', () => {
  const answers: [accept: string | undefined, lines: boolean][] = [
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['application/json', false],
    ['application/x-ndjson', true],
    ['Application/X-NDJSON; charset=utf-8', true],
    ['application/jsonl, */*;q=0.8', true],
    ['application/x-ndjson;q=0', false],
    ['application/x-ndjson;q=nonsense', false],
    ['application/json, application/x-ndjson;q=0.9', false],
    ['application/json;q=0.5, application/x-ndjson;q=0.9', true]
  ]
  for (const [header, lines] of answers) assert.equal(prefersLines(header), lines, header)
})

/** Following jobs with the TypeScript client: through deaths of foreman, and connections that are cut anywhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manyWords, startFollowStage, storedText, word } from '../follow-stage.ts'
import { load } from './built.ts'
import { startCutter } from './cutter.ts'

const { Foreman, JobNotDoneError } = await load('index')
const retry = { minDelayS: 0.02, maxDelayS: 0.5 }

test('the text of a job goes on over kill -9: what was said is void, and the rest is the stored answer', async t => {
  const { url: baseUrl, token, ...stage } = await startFollowStage(t)
  const tries: string[] = []
  const onRetry = ({ error }: { error: Error }) => tries.push(error.name)
  const foreman = new Foreman({ baseUrl, token, retry: { ...retry, onRetry } })
  const id = await stage.submit(manyWords)
  let shown = ''
  let resets = 0
  let restarted: Promise<void> | undefined
  for await (const update of foreman.text(id)) {
    if (update.type === 'reset') {
      assert.ok(shown.includes(`${word}9`))
      shown = ''
      resets += 1
      continue
    }
    shown += update.text
    assert.equal(update.whole, shown)
    if (shown.includes(`${word}9`)) restarted ??= stage.restart('SIGKILL')
  }
  await restarted
  assert.equal(shown, storedText(await stage.ended(id)))
  assert.equal(resets, 1)
  assert.ok(tries.length > 0 && tries.every(name => name === 'ForemanConnectionError'))
})

test('events come each once and in order, and wait ends, over kill -9 and over SIGTERM', async t => {
  const { url: baseUrl, token, ...stage } = await startFollowStage(t)
  const foreman = new Foreman({ baseUrl, token, retry })
  const id = await stage.submit(manyWords)
  const waited = foreman.wait(id)
  const states: string[] = []
  const changes = foreman.wait(id, { onChange: job => states.push(job.state) })
  const seqs: number[] = []
  let signals: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM']
  let restarts = Promise.resolve()
  for await (const event of foreman.follow(id)) {
    if (event.seq !== undefined) seqs.push(event.seq)
    if (event.type !== 'job.output' || seqs.length % 5 !== 0) continue
    for (const signal of signals) restarts = restarts.then(() => stage.restart(signal))
    signals = []
  }
  await restarts
  const job = await waited
  assert.deepEqual(
    seqs,
    Array.from({ length: job.seq }, (_, n) => n + 1)
  )
  assert.equal(job.state, 'done')
  assert.deepEqual(await changes, job)
  assert.equal(states.at(-1), 'done')
  assert.ok(new Set(states).size > 1)
})

test('streams that are cut behind any byte give the same story', async t => {
  const { url, token, ...stage } = await startFollowStage(t)
  const id = await stage.submit(60)
  const cutter = await startCutter(t, url, 4711)
  const foreman = new Foreman({ baseUrl: cutter.url, token, retry: { minDelayS: 0.001, maxDelayS: 0.01 } })
  let shown = ''
  for await (const update of foreman.text(id)) shown = update.type === 'reset' ? '' : update.whole
  const job = await stage.ended(id)
  assert.equal(shown, storedText(job))
  const seqs: (number | undefined)[] = []
  for await (const { seq } of foreman.follow(id)) if (seq !== undefined) seqs.push(seq)
  assert.deepEqual(
    seqs,
    Array.from({ length: job.seq }, (_, n) => n + 1)
  )
  assert.ok(cutter.cuts > 10, `${cutter.cuts} cuts`)
})

test('following ends with the signal, with the refusal, and at once where all was had', async t => {
  const { url: baseUrl, token, ...stage } = await startFollowStage(t)
  const foreman = new Foreman({ baseUrl, token, retry })
  const id = await stage.submit(manyWords)
  const stop = new AbortController()
  await assert.rejects(
    async () => {
      for await (const event of foreman.follow(id, { signal: stop.signal }))
        if (event.type === 'job.output') stop.abort(new Error('enough'))
    },
    { message: 'enough' }
  )
  assert.equal((await foreman.cancel(id)).state.startsWith('cancel'), true)
  await assert.rejects(all(foreman.text(id)), JobNotDoneError)
  const { seq } = await foreman.wait(id)
  assert.deepEqual(await all(foreman.follow(id, { after: seq })), [])
  const last = await all(foreman.follow(id, { after: seq - 1 }))
  assert.deepEqual(
    last.map(event => event.type),
    ['job.canceled']
  )
  await assert.rejects(all(foreman.follow('job_nobody')), {
    name: 'ForemanError',
    code: 'not_found'
  })
})

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

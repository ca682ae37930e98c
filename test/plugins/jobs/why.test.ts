import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { assertProblem, chatBody, type ShownJob, type Stage, speaker, startStage } from './stage.ts'

interface Why {
  readonly job_id: string
  readonly state: string
  readonly waited_s: number
  readonly summary: string
  readonly reasons: readonly {
    readonly kind: string
    readonly waiting: boolean
    readonly s: number
    readonly times: number
    readonly jobs?: number
    readonly model?: string
    readonly attempt?: number
    readonly error_code?: string
    readonly sentence: string
  }[]
  readonly now: {
    readonly position: number
    readonly start_p90_at: string | null
    readonly sentence: string
  } | null
}

type Asking = Pick<Stage, 'ask'>

/** The explanation, after what must hold of each. */
async function whyOf({ ask }: Asking, id: string): Promise<Why> {
  const { status, body, text } = await ask<Why>('GET', `/jobs/${id}/why`)
  assert.equal(status, 200, text)
  const waiting = body.reasons.filter(reason => reason.waiting)
  const sum = waiting.reduce((all, { s }) => all + s, 0)
  assert.ok(Math.abs(sum - body.waited_s) < 0.001, `${sum} of ${body.waited_s} s are explained`)
  for (const { s, sentence } of body.reasons) {
    assert.ok(s >= 0)
    assert.match(sentence, /^[A-Z].*\.$/)
  }
  return body
}

/** A machine that is slow takes its time between two things: nobody can tell when. */
const kinds = ({ reasons }: Why) =>
  reasons.filter(({ kind }) => kind !== 'idle').map(({ kind, waiting }) => (waiting ? kind : `- ${kind}`))
const find = ({ reasons }: Why, kind: string) => reasons.find(reason => reason.kind === kind)!

/** Seconds between two times of a job. */
function between(job: ShownJob, from: 'created_at', to: 'started_at'): number {
  return (Date.parse(job[to]!) - Date.parse(job[from])) / 1000
}

const work = { load_delay_ms: 400, prompt_delay_ms: 5, token_delay_ms: 5, token_count: 10 }

test('a wait is told by turns and loads, piece by piece, and so is the run', async t => {
  const stage = await startStage(t, work)
  const ids: string[] = []
  for (const model of ['alpha', 'alpha', 'alpha', 'beta', 'beta']) {
    ids.push((await stage.submit({ ...chatBody, model })).id)
  }
  const last = await stage.ended(ids.at(-1)!)
  const why = await whyOf(stage, last.id)
  assert.deepEqual(kinds(why), [
    'swap',
    'behind_turn',
    'swap',
    'behind_own_model',
    '- prefill',
    '- generation'
  ])
  assert.deepEqual(
    why.reasons.slice(0, 4).map(({ model, jobs }) => [model, jobs]),
    [
      ['alpha', undefined],
      ['alpha', 3],
      ['beta', undefined],
      ['beta', 1]
    ]
  )
  assert.ok(Math.abs(why.waited_s - between(last, 'created_at', 'started_at')) < 0.005)
  assert.ok(why.reasons[2]!.s > 0.39)
  assert.ok(find(why, 'generation').s >= 0.045 && find(why, 'prefill').s >= 0.004)
  assert.match(why.reasons[1]!.sentence, /^Waited 0\.\d\d s for 3 jobs of alpha, whose turn it was\.$/)
  assert.match(why.summary, /^Waited [\d.]+ s; [\d.]+ s of it /)
  assert.equal(why.now, null)
})

test('jobs of the loaded model are told apart, and calls that hold their connection count', async t => {
  const stage = await startStage(t, { token_delay_ms: 15, token_count: 10 })
  await stage.ended((await stage.submit()).id)
  const call = fetch(`${stage.url}/api/chat`, { method: 'POST', body: JSON.stringify(chatBody) })
  await stage.fake.waitFor('generation_start', 2)
  const job = await stage.submit({ ...chatBody, model: 'beta' })
  await stage.submit()
  await (await call).text()
  const why = await whyOf(stage, (await stage.ended(job.id)).id)
  const { jobs, model, sentence } = find(why, 'behind_resident')
  assert.deepEqual([jobs, model], [2, 'alpha'])
  assert.match(sentence, /^Waited 0\.\d\d s behind 2 jobs of the loaded model alpha\.$/)
})

test('a waiting job is told what it waited for so far, and what it waits for now', async t => {
  const stage = await startStage(t, { token_delay_ms: 20, token_count: 200 })
  await stage.submit()
  const job = await stage.submit()
  const other = await stage.submit({ ...chatBody, model: 'beta' })
  await stage.fake.waitFor('generation_start')
  await sleep(60)
  const why = await whyOf(stage, job.id)
  assert.deepEqual([why.state, why.now?.position], ['queued', 1])
  assert.deepEqual(kinds(why).at(-1), 'behind_own_model')
  assert.equal(why.now?.sentence, '1 job is likely to run before it; alpha is loaded.')
  assert.ok(Date.parse(why.now.start_p90_at!) > Date.now())
  const { waited_s } = await whyOf(stage, job.id)
  assert.ok(waited_s > why.waited_s, 'it waits on')
  assert.equal(
    (await whyOf(stage, other.id)).now?.sentence,
    '2 jobs are likely to run before it; alpha is loaded.'
  )
})

test('an attempt that failed and the pause after it are part of the wait', async t => {
  const stage = await startStage(t, {
    faults: [{ kind: 'reset', after: 2, times: 1, path: '/api/chat' }],
    token_delay_ms: 5
  })
  const job = await stage.ended((await stage.submit()).id)
  const why = await whyOf(stage, job.id)
  const { attempt, error_code, sentence } = find(why, 'failed_attempt')
  assert.deepEqual([attempt, error_code], [1, 'target_truncated'])
  assert.match(sentence, /^Waited [\d.]+ s while attempt 1 ran and failed: target_truncated\.$/)
  const backoffS = find(why, 'retry_backoff').s
  assert.ok(backoffS >= 0.05 && backoffS < why.waited_s, `${backoffS} of ${why.waited_s} s`)
  assert.ok(Math.abs(why.waited_s - between(job, 'created_at', 'started_at')) < 0.005)
})

test('a job that failed for good is told so, with how long its last attempt ran', async t => {
  const stage = await startStage(t, {
    faults: [{ kind: 'reset', after: 2, path: '/api/chat' }],
    token_delay_ms: 5
  })
  const job = await stage.ended((await stage.submit({ ...chatBody, max_attempts: 2 })).id)
  const why = await whyOf(stage, job.id)
  assert.deepEqual(kinds(why).slice(-1), ['- failed_attempt'])
  assert.match(why.reasons.at(-1)!.sentence, /^Attempt 2 ran for [\d.]+ s and failed: target_truncated\.$/)
  assert.equal(why.reasons.filter(({ kind }) => kind === 'failed_attempt').length, 2)
})

test('pauses, delays and the absence of the target are told as such', async t => {
  const stage = await startStage(t, work)
  await stage.ask('POST', '/queue/pause')
  const job = await stage.submit({ ...chatBody, not_before: new Date(Date.now() + 200).toISOString() })
  assert.equal((await whyOf(stage, job.id)).now?.sentence, 'The queue is paused.')
  await sleep(400)
  const down = once(stage.app.reachability, 'down')
  await stage.fake.kill()
  await stage.ask('POST', '/queue/resume')
  // It is only found out that the target is away when it is spoken to.
  await down
  assert.equal((await whyOf(stage, job.id)).now?.sentence, 'The target is away.')
  await sleep(150)
  await stage.fake.restart()
  const why = await whyOf(stage, (await stage.ended(job.id)).id)
  const delayMs = Date.parse(job.available_at) - Date.parse(job.created_at)
  assert.equal(find(why, 'not_before').s, delayMs / 1000)
  assert.ok(find(why, 'paused').s > 0.14)
  assert.ok(find(why, 'target_down').s > 0.14)
})

test('a job that is canceled in the queue is told what it waited for', async t => {
  const stage = await startStage(t, { token_delay_ms: 20, token_count: 200 })
  await stage.submit()
  const job = await stage.submit()
  await stage.fake.waitFor('generation_start')
  await stage.ask('POST', `/jobs/${job.id}/cancel`)
  const why = await whyOf(stage, job.id)
  assert.deepEqual([why.state, why.now, kinds(why).includes('- run')], ['canceled', null, false])
  assert.equal((await whyOf(stage, job.id)).waited_s, why.waited_s, 'its wait is over')
})

test('a running job is told how long it has run; one without times of the target how long it ran', async t => {
  const stage = await startStage(t, { token_delay_ms: 20, token_count: 200 })
  const job = await stage.submit()
  await stage.fake.waitFor('generation_start')
  const { reasons } = await whyOf(stage, job.id)
  assert.match(reasons.at(-1)!.sentence, /^Has run for /)
  await stage.ask('POST', `/jobs/${job.id}/cancel`)
  assert.match((await whyOf(stage, (await stage.ended(job.id)).id)).reasons.at(-1)!.sentence, /^Ran for /)
})

test('a job of nobody is not found, and one whose data was removed is gone', async t => {
  const stage = await startStage(t)
  assertProblem(await stage.ask('GET', '/jobs/job_none/why'), 404, 'not_found')
  const { id } = await stage.ended((await stage.submit()).id)
  await stage.ask('DELETE', `/jobs/${id}`)
  assertProblem(await stage.ask('GET', `/jobs/${id}/why`), 410, 'job_data_removed')
})

test('a job that outlives a kill is told of the attempt that was lost and of the time without foreman', async t => {
  const fake = await startFake(t, { token_delay_ms: 20, token_count: 60 })
  const settings = withShortPauses()
  const first = await spawnForeman(t, { target: fake.url, settings })
  const { id } = await speaker(first.url).submit()
  await fake.waitFor('generation_start')
  // Long enough for a sign of life while it works.
  await sleep(1100)
  await first.kill()
  await sleep(300)
  const second = await spawnForeman(t, { target: fake.url, settings, dataDir: first.dataDir })
  const speak = speaker(second.url)
  const job = await speak.ended(id)
  assert.deepEqual([job.state, job.attempt], ['done', 2])
  const why = await whyOf(speak, id)
  const [lost, down] = [find(why, 'failed_attempt'), find(why, 'foreman_down')]
  assert.equal(lost.error_code, 'interrupted')
  assert.ok(lost.s > 0.1, `its attempt lasted ${lost.s} s`)
  assert.ok(down.s >= 0.3, `nobody worked for ${down.s} s`)
  assert.match(down.sentence, /^Waited [\d.]+ s while foreman was not running\.$/)
})

import assert from 'node:assert/strict'
import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import type { FakeConfig, FakeOllama } from '../fake-ollama/start.ts'
import { type SettingsPart, temporaryDir } from '../helpers/foreman.ts'
import { type Prometheus, startPrometheus, withoutPrometheus } from '../helpers/prometheus.ts'
import { mountSmallDisk, type SmallDisk } from '../strength/support/small-disk.ts'
import { trace, whyNoTrace } from '../strength/support/strace.ts'
import { atWork, healthyRun } from './mixed-run.ts'
import { hurried, rules } from './rules.ts'
import { type ScrapedForeman, startScraped, startTarget } from './watched.ts'

const request = { model: 'alpha', messages: [{ role: 'user', content: 'hello' }] }

/** One foreman and what is done to it. */
interface Scene {
  readonly foreman: ScrapedForeman
  readonly fake: FakeOllama
  readonly dataDir: string
}

/** A misery: what is done, and exactly which alerts come of it. */
interface Misery {
  readonly does: (t: TestContext, scene: Scene, prometheus: Prometheus) => Promise<void>
  readonly fires: readonly string[]
  readonly settings?: SettingsPart
  readonly fake?: Partial<FakeConfig>
  readonly disk?: SmallDisk
  /** Why it cannot be tried here. */
  readonly skip?: string | undefined
}

const { bavail, blocks } = statfsSync(tmpdir())
const fullMachine =
  bavail / blocks < 0.1 &&
  'SKIPPED, NOT PROVED: the disk of this machine is so full that foreman would rightly complain'

const skip = withoutPrometheus || fullMachine

test('real alerts of a real Prometheus', { skip, concurrency: true }, async t => {
  const miseries = miseriesOf(mountSmallDisk(t))
  const started = Object.entries(miseries).map(
    async ([name, misery]) => [name, await begin(t, misery)] as const
  )
  const scenes = new Map(await Promise.all(started))
  const targets = [...scenes.values()].map(({ foreman }) => foreman.metricsAt)
  const prometheus = await startPrometheus(t, { targets, rules: hurried() })
  await prometheus.holds(`count(foreman_target_up == 1) == ${targets.length}`)

  await t.test('after a healthy run nothing is pending or firing', async () => {
    const { foreman } = scenes.get('the target is gone')!
    await healthyRun(foreman)
    const finished = `foreman_jobs_finished_total{instance="${foreman.metricsAt}"}`
    await prometheus.holds(`sum(${finished}) == sum(${finished.replace('finished', 'created')})`)
    // How fast the disk of a test machine is says nothing of foreman.
    const alerts = (await prometheus.alerts()).filter(({ name }) => name !== 'ForemanStoreSlow')
    assert.deepEqual(alerts, [])
  })
  await Promise.all(
    Object.entries(miseries).map(([name, { does, fires, skip }]) =>
      t.test(`${name}: ${fires.join(', ')}`, { skip: skip ?? false }, async t => {
        const scene = scenes.get(name)!
        await does(t, scene, prometheus)
        for (const alert of fires) assertWords(await prometheus.fired(alert, scene.foreman.metricsAt))
      })
    )
  )
  for (const [name, { fires, skip }] of Object.entries(miseries)) {
    if (!skip) assert.deepEqual(prometheus.sent(scenes.get(name)!.foreman.metricsAt), [...fires].sort(), name)
  }
})

async function begin(t: TestContext, { settings, fake: config, disk }: Misery): Promise<Scene> {
  const fake = await startTarget(t, config)
  const dataDir = disk?.dir ?? temporaryDir(t)
  return { foreman: await startScraped(t, fake.url, { settings, dataDir }), fake, dataDir }
}

/** Words that Prometheus could not fill in are a fault of the rule that no other test sees. */
function assertWords({ annotations, labels }: Awaited<ReturnType<Prometheus['fired']>>): void {
  for (const words of Object.values(annotations)) assert.doesNotMatch(words, /<no value>|<error|NaN|\{\{/)
  assert.ok(annotations.summary!.includes(labels.instance!), annotations.summary)
}

function miseriesOf(disk?: SmallDisk): Record<string, Misery> {
  return {
    'killed again and again': {
      does: killAgainAndAgain,
      fires: ['ForemanDown', 'ForemanJobsRecovered', 'ForemanRestartsOften']
    },
    'the target is gone': { does: (_t, { fake }) => fake.kill(), fires: ['ForemanTargetDown'] },
    'the target hangs': { does: hang, fires: ['ForemanTargetStuck'] },
    'jobs fail, and somebody goes around the queue': {
      does: failAndGoAround,
      fires: ['ForemanJobsFail', 'ForemanTargetBypassed']
    },
    'one model at a time': {
      does: useThreeModels,
      fires: ['ForemanEmbedderNotKept'],
      fake: { max_loaded: 1 }
    },
    'the queue is held': {
      does: hold,
      fires: ['ForemanJobsWaitTooLong', 'ForemanQueueHeld'],
      settings: { queue: { patience_s: { normal: 0.1 } } }
    },
    'streams are left open': {
      does: leaveOpen,
      fires: ['ForemanStreamsNearLimit'],
      settings: { limits: { max_streams: 2 } }
    },
    'a receiver takes nothing, and one is gone': {
      does: turnAway,
      fires: ['ForemanWebhookEndpointDisabled', 'ForemanWebhooksLate']
    },
    'the disk is full': {
      does: (_t, scene, prometheus) => fillUp(scene, disk!, prometheus),
      fires: ['ForemanDiskLow', 'ForemanRefusesJobs'],
      ...(disk ? { disk } : { skip: 'SKIPPED, NOT PROVED: this user may not mount a disk' })
    },
    'the disk is slow': { does: slowDown, fires: ['ForemanStoreSlow'], skip: whyNoTrace() }
  }
}

async function killAgainAndAgain(t: TestContext, scene: Scene, prometheus: Prometheus): Promise<void> {
  const { fake, dataDir } = scene
  let { foreman } = scene
  const { metricsAt } = foreman
  await atWork(foreman, await foreman.submit({ request: { ...request, model: 'silent' }, max_attempts: 1 }))
  for (let starts = 0; starts < 3; starts++) {
    await foreman.kill()
    if (starts === 0) await prometheus.fired('ForemanDown', metricsAt)
    foreman = await startScraped(t, fake.url, { dataDir }, metricsAt)
    // A start that no scrape saw is none to Prometheus.
    const since = `process_start_time_seconds{instance="${metricsAt}"}`
    await prometheus.holds(`up{instance="${metricsAt}"} == 1 and changes(${since}[1m]) == ${starts + 1}`)
    if (starts === 0) await prometheus.fired('ForemanJobsRecovered', metricsAt)
  }
}

async function hang(_t: TestContext, { foreman }: Scene): Promise<void> {
  await atWork(foreman, await foreman.submit({ request: { ...request, model: 'silent' } }))
}

async function failAndGoAround(_t: TestContext, { foreman, fake }: Scene): Promise<void> {
  const jobs = [1, 2, 3, 4].map(() => foreman.submit({ request: { ...request, model: 'broken' } }))
  for (const id of await Promise.all(jobs)) assert.equal(await foreman.ended(id), 'failed')
  const answer = await fetch(`${fake.url}/api/chat`, { method: 'POST', body: JSON.stringify(request) })
  await answer.text()
}

async function useThreeModels(_t: TestContext, { foreman }: Scene): Promise<void> {
  for (const model of ['alpha', 'beta', 'gamma']) {
    assert.equal(await foreman.ended(await foreman.submit({ request: { ...request, model } })), 'done')
  }
}

async function hold(_t: TestContext, { foreman }: Scene): Promise<void> {
  const { status } = await foreman.ask('POST', '/queue/pause')
  assert.equal(status, 200)
  await foreman.submit({ request })
}

async function leaveOpen(t: TestContext, { foreman }: Scene): Promise<void> {
  for (const _ of ['one', 'two']) {
    const stream = await foreman.ask('GET', '/events', { headers: { accept: 'text/event-stream' } })
    assert.equal(stream.status, 200)
    t.after(() => stream.body!.cancel())
  }
}

async function turnAway(_t: TestContext, { foreman }: Scene): Promise<void> {
  const { receiver } = foreman
  receiver.answers(({ path }) => ({ status: path === '/gone' ? 410 : 503 }))
  const url = `http://127.0.0.1:${receiver.port}/gone`
  const { status } = await foreman.ask('POST', '/webhook-endpoints', { body: { url, events: ['job.done'] } })
  assert.equal(status, 201)
  const webhook = { url: receiver.url, events: ['job.done'] }
  assert.equal(await foreman.ended(await foreman.submit({ request, webhook })), 'done')
}

async function fillUp({ foreman }: Scene, disk: SmallDisk, prometheus: Prometheus): Promise<void> {
  disk.fill()
  // By then foreman has looked at the disk again.
  await prometheus.fired('ForemanDiskLow', foreman.metricsAt)
  const answer = await foreman.ask('POST', '/jobs', { body: { request } })
  assert.equal(answer.status, 503, await answer.text())
}

async function slowDown(t: TestContext, { foreman }: Scene, prometheus: Prometheus): Promise<void> {
  await trace(t, foreman.pid, 'fdatasync,fsync', ['fdatasync,fsync:delay_enter=400000'])
  let isOver = false
  const fired = prometheus.fired('ForemanStoreSlow', foreman.metricsAt).finally(() => {
    isOver = true
  })
  while (!isOver) assert.equal(await foreman.ended(await foreman.submit({ request })), 'done')
  await fired
}

test('every alert is seen to fire for real', () => {
  const seen = new Set(Object.values(miseriesOf()).flatMap(({ fires }) => fires))
  assert.deepEqual([...seen].sort(), rules.map(({ alert }) => alert).sort())
})

/** What breaks, and what must be there after it. */
import assert from 'node:assert/strict'
import { Ledger } from '../ledger.ts'
import { eventually } from '../shell.ts'
import { administrator, type World } from '../world.ts'

const waiting = 24

/** The container's processes are killed, as by the kernel for want of memory. */
export async function containerDies(world: World): Promise<string> {
  const { engine, stack } = world
  await stack.up()
  const foreman = await administrator(world)
  const ledger = await Ledger.open(foreman, waiting)
  const id = await stack.container('foreman')
  process.kill(Number(await engine.inspect(id, '{{.State.Pid}}')), 'SIGKILL')
  await eventually(
    'the engine starts it again',
    async () => (await engine.inspect(id, '{{.RestartCount}}')) === '1'
  )
  await stack.answers()
  await ledger.settle(foreman)
  return `${ledger.size} jobs: none lost, none ended twice, the one that ran has run again`
}

/** Every process of every container goes at once, and the daemon with them. */
export async function machineDies(world: World): Promise<string> {
  const { engine, stack } = world
  await stack.up()
  const foreman = await administrator(world)
  const ledger = await Ledger.open(foreman, waiting)
  await engine.crash()
  await engine.start()
  await stack.answers()
  await ledger.settle(foreman)
  return `${ledger.size} jobs: none lost, none ended twice, all services back by themselves`
}

/** `docker stop`: the running job may end, those that wait stay. */
export async function stopsInOrder(world: World): Promise<string> {
  const { engine, stack } = world
  await stack.up()
  const foreman = await administrator(world)
  const ledger = await Ledger.open(foreman, waiting, 150)
  const id = await stack.container('foreman')
  const began = performance.now()
  await stack.compose(['stop', 'foreman'])
  const seconds = (performance.now() - began) / 1000
  assert.equal(await engine.inspect(id, '{{.State.ExitCode}}'), '0')
  assert.equal(await engine.inspect(id, '{{.State.OOMKilled}}'), 'false')
  await stack.up('foreman')
  // It had time enough: 3 s of the 8 that a stop leaves.
  assert.equal((await foreman.job(ledger.first)).attempt, 1)
  for (const job of ledger.ids) assert.equal((await foreman.ended(job)).state, 'done')
  return `ended with 0 after ${seconds.toFixed(1)} s, the running job was done`
}

/** Another container on the same volume: an update, as the engine sees it. */
export async function isRecreated(world: World): Promise<string> {
  const { stack } = world
  await stack.up()
  const foreman = await administrator(world)
  const ledger = await Ledger.open(foreman, waiting, 1000)
  const before = await stack.container('foreman')
  await stack.compose(['rm', '--stop', '--force', 'foreman'])
  await stack.up('foreman')
  assert.notEqual(await stack.container('foreman'), before)
  await ledger.settle(foreman)
  return `${ledger.size} jobs, the one that was cut after 8 s has run again`
}

/** Ollama takes connections and says nothing, ever; and then is gone. */
export async function ollamaIsNeverHealthy(world: World): Promise<string> {
  const { engine, stack } = world
  await stack.up()
  await administrator(world)
  await stack.compose(['stop', 'foreman', 'ollama'])
  stack.edit(({ services }) => {
    services.ollama!.command = ['hang']
    services.ollama!.healthcheck = {
      test: ['CMD', 'ollama', 'list'],
      interval: '1s',
      timeout: '2s',
      retries: 1
    }
  })
  try {
    await stack.up()
    const id = await stack.container('ollama')
    const health = async () => (await engine.inspect(id, '{{.State.Health.Status}}')) === 'unhealthy'
    await eventually('Ollama is not healthy', health)
    await isDegradedAndOpen(world)
    await stack.compose(['stop', 'ollama'])
    await isDegradedAndOpen(world)
  } finally {
    stack.edit()
  }
  const jobs = await waitingJobs(world)
  await stack.up()
  const foreman = await administrator(world)
  for (const job of jobs) assert.equal((await foreman.ended(job)).state, 'done')
  return `degraded and open, ${jobs.length} jobs accepted meanwhile and done after it`
}

async function isDegradedAndOpen(world: World): Promise<void> {
  const foreman = await administrator(world)
  const status = async (path: string) => (await foreman.json<{ status: string }>(path)).status
  await eventually('foreman says degraded', async () => (await status('/healthz')) === 'degraded')
  assert.equal(await status('/readyz'), 'degraded')
  await foreman.handIn({ model: 'llama3.2', prompt: 'for later', tokens: 3 })
}

async function waitingJobs(world: World): Promise<string[]> {
  const { data } = await (await administrator(world)).json<{ data: { id: string }[] }>('/jobs?state=queued')
  assert.equal(data.length, 2)
  return data.map(({ id }) => id)
}

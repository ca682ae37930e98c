/** The two ways to a target: direct, and through foreman. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { hasEnded, type JobState } from '../../../core/jobs/states.ts'
import { type FakeConfig, type FakeOllama, startFakeOllama } from '../../fake-ollama/start.ts'
import { type Scope, startForeman } from '../../helpers/foreman.ts'
import { token, wrongToken } from './run-script.ts'

/** Both ways. */
export interface Ways {
  /** Base URL of a target. */
  readonly direct: string
  /** Base URL of the foreman before one that is its equal. */
  readonly through: string
  /** How many calls for a model it has the direct target got with a good token; undefined where it cannot be asked. */
  inferences(): Promise<number | undefined>
  /** How the jobs of foreman ended, once all have. */
  jobs(): Promise<JobState[]>
  /** Makes the target of the next run what it was before the last: no model is in memory. */
  clear(): Promise<void>
}

const inference =
  /^\/(api\/(generate|chat|embed|embeddings)|v1\/(chat\/completions|completions|embeddings|responses|messages))$/
const longestMs = 10_000
const pauseMs = 50

/** Opens both ways to two equal fakes. What foreman sees of its own can be put in between by `before`. */
export async function openWays(
  t: Scope,
  fake: Partial<FakeConfig> = {},
  before: (target: string) => Promise<string> = async target => target
): Promise<Ways> {
  const [own, foremans] = await Promise.all([startFakeOllama(fake), startFakeOllama(fake)])
  t.after(() => Promise.all([own.kill(), foremans.kill()]))
  return {
    direct: own.url,
    inferences: () => inferencesOf(own),
    // Each run has a target of its own.
    clear: async () => {},
    ...(await through(t, await before(foremans.url)))
  }
}

/** Opens both ways to one target. */
export async function openWaysTo(t: Scope, target: string): Promise<Ways> {
  const inferences = async () => undefined
  return { direct: target, inferences, clear: () => unload(target), ...(await through(t, target)) }
}

async function through(t: Scope, target: string): Promise<Pick<Ways, 'through' | 'jobs'>> {
  const { url, app } = await startForeman(t, { target, settings: { plugins: { auth: { token } } } })
  return { through: url, jobs: () => ended(app) }
}

async function inferencesOf(fake: FakeOllama): Promise<number> {
  const { requests } = await fake.state()
  const calls = requests.filter(({ method, url }) => method === 'POST' && inference.test(url))
  const good = calls.filter(({ headers }) => !headers.some(value => value.includes(wrongToken)))
  // A name that the target does not have is no job: foreman says so itself, in the target's words.
  return good.filter(({ status }) => status !== 404).length
}

async function unload(target: string): Promise<void> {
  for (const model of await loaded(target)) {
    const body = JSON.stringify({ model, keep_alive: 0 })
    await fetch(new URL('/api/generate', target), { method: 'POST', body })
    // It is gone a little after the answer. An embedding model may come back, since foreman keeps one loaded.
    const giveUp = performance.now() + longestMs
    while (performance.now() < giveUp && (await loaded(target)).includes(model)) await sleep(pauseMs)
  }
}

async function loaded(target: string): Promise<string[]> {
  const answer = await fetch(new URL('/api/ps', target))
  const { models } = (await answer.json()) as { models: { name: string }[] }
  return models.map(({ name }) => name)
}

/** A job whose client has left ends a little later than the client's script. */
async function ended({ db, jobEvents }: FastifyInstance): Promise<JobState[]> {
  const signal = AbortSignal.timeout(longestMs)
  for (;;) {
    const states = db.prepare('SELECT state FROM job ORDER BY seq').pluck().all() as JobState[]
    if (states.every(hasEnded)) return states
    await once(jobEvents, 'event', { signal }).catch(() => {
      throw new Error(`jobs have not ended after ${longestMs} ms: ${states}`)
    })
  }
}

/** A fake that thinks, speaks in emoji and calls tools, and a foreman of its own process before it. */
import assert from 'node:assert/strict'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'
import type { FakeConfig, FakeOllama, ModelConfig } from '../../fake-ollama/start.ts'
import { type ForemanProcess, type Scope, spawnForeman, temporaryDir } from '../../helpers/foreman.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { Pieced } from './pieced.ts'
import type { Reader } from './reader.ts'
import { SocketReader } from './socket-reader.ts'
import { SseReader } from './sse-reader.ts'

/** Ways to follow a job to its end. */
export type Transport =
  | 'SSE of a job'
  | 'SSE of all jobs'
  | 'WebSocket, one of many'
  | 'WebSocket, all jobs'
  | 'WebSocket, one job'

/** One who follows the job in this way, from its beginning or with what it has. */
type Begin = (base: string, id: string, pieced?: Pieced) => Reader

/** Each of them. */
export const transports: Readonly<Record<Transport, Begin>> = {
  'SSE of a job': (base, id, pieced = new Pieced()) => new SseReader(`${base}/jobs/${id}/events`, { pieced }),
  'SSE of all jobs': (base, id, pieced = new Pieced()) =>
    new SseReader(`${base}/events?job_ids=${id}`, { pieced }),
  'WebSocket, one of many': (base, id, pieced) => new SocketReader(base, id, 'job', pieced),
  'WebSocket, all jobs': (base, id, pieced) => new SocketReader(base, id, 'all', pieced),
  'WebSocket, one job': (base, id, pieced) => new SocketReader(base, id, 'bound', pieced)
}

/** Their names. */
export const transportNames = Object.keys(transports) as Transport[]

/** Longer than an answer is gathered, so that each token is an event. */
const tokenDelayMs = 60
/** Time in which followers of a running job come. */
const promptDelayMs = 250
const stumblesAfter = 8
/** What is due to be folded up is folded soon. */
const settings = withShortPauses({ retention: { sweep_interval_s: 0.2 } })

const model = (name: string, more: Partial<ModelConfig> = {}): ModelConfig => ({
  ...{ name, size_bytes: 1e9, capabilities: ['completion', 'tools', 'thinking'], tool_framing: 'chunk' },
  ...{ talks_with_tools: true, calls_tools: true, token_count: 16, fault: { kind: 'split' } },
  ...more
})

const models = [
  model('talker', { token_delay_ms: tokenDelayMs, prompt_delay_ms: promptDelayMs }),
  model('stumbler', { token_delay_ms: tokenDelayMs, prompt_delay_ms: promptDelayMs }),
  model('quick')
]

const tools = ['look', 'find'].map(name => ({
  type: 'function',
  function: {
    name,
    parameters: { type: 'object', required: ['where'], properties: { where: { type: 'string' } } }
  }
}))

/** What any of the models is asked. */
export const chatBody = { messages: [{ role: 'user', content: 'hello' }], think: true, tools }

/** Both, and what is handed to them. */
export class Stage {
  readonly fake: FakeOllama
  readonly #scope: Scope
  readonly #dataDir: string
  #foreman: ForemanProcess

  private constructor(scope: Scope, fake: FakeOllama, foreman: ForemanProcess) {
    this.#scope = scope
    this.fake = fake
    this.#foreman = foreman
    this.#dataDir = foreman.dataDir
  }

  /** They are gone when `scope` ends. */
  static async start(scope: Scope, config: Partial<FakeConfig> = {}): Promise<Stage> {
    const fake = await startFake(scope, { models, ...config })
    const dataDir = temporaryDir(scope)
    const foreman = await spawnForeman(scope, { target: fake.url, dataDir, settings })
    return new Stage(scope, fake, foreman)
  }

  /** Where foreman listens, for as long as the stage lives. */
  get url(): string {
    return this.#foreman.url
  }

  get dataDir(): string {
    return this.#dataDir
  }

  /** Hands in a job. The `stumbler` loses its first attempt in the middle of its text. @returns its id */
  async submit(name: 'talker' | 'stumbler' | 'quick'): Promise<string> {
    const stumble = { kind: 'reset', after: stumblesAfter, times: 1, model: name } as const
    if (name === 'stumbler') await this.fake.configure({ faults: [stumble] })
    const body = JSON.stringify({ request: { model: name, ...chatBody } })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${this.url}/jobs`, { method: 'POST', headers, body })
    const job = (await answer.json()) as JobObject
    assert.equal(answer.status, 202, JSON.stringify(job))
    return job.id
  }

  /** Ends foreman and starts it again where it was. */
  async restartForeman(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const port = Number(new URL(this.url).port)
    await this.#foreman.kill(signal)
    const again = { target: this.fake.url, dataDir: this.#dataDir, settings: { ...settings, port } }
    this.#foreman = await spawnForeman(this.#scope, again)
  }
}

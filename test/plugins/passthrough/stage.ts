/** foreman in front of a fake target, and ways to look at its jobs. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { Job } from '../../../core/jobs/job.ts'
import type { JobState } from '../../../core/jobs/states.ts'
import { bodyOf, fieldValue, type HttpMessage } from '../../differential/message-reader.ts'
import { type RawRequest, send } from '../../differential/raw-client.ts'
import { type FakeConfig, type FakeOllama, startFakeOllama } from '../../fake-ollama/start.ts'
import { type SettingsPart, startForeman } from '../../helpers/foreman.ts'

/** Both, until the test ends. */
export interface Stage {
  readonly fake: FakeOllama
  readonly url: string
  readonly app: FastifyInstance
}

/** Starts both. */
export async function start(
  t: TestContext,
  options: { settings?: SettingsPart; fake?: Partial<FakeConfig> } = {}
): Promise<Stage> {
  const fake = await startFakeOllama(options.fake)
  t.after(() => fake.kill())
  const foreman = await startForeman(t, { target: fake.url, settings: options.settings })
  return { fake, url: foreman.url, app: foreman.app }
}

/** A streaming chat with `llama3.2`; `fields` go into the head, `more` into the body. */
export function chat(fields: RawRequest['fields'] = [], more: object = {}): RawRequest {
  const body = { model: 'llama3.2', messages: [{ role: 'user', content: 'count' }], ...more }
  return { method: 'POST', path: '/api/chat', fields, body: JSON.stringify(body) }
}

/** The field that makes the fake fail in one way. */
export function fault(kind: string, more: object = {}): readonly [name: string, value: string] {
  return ['X-Fake-Fault', JSON.stringify({ kind, ...more })]
}

/** Sends a request and reads the whole answer. @throws {Error} when the connection ends before that */
export function ask({ url }: Pick<Stage, 'url'>, request: RawRequest): Promise<HttpMessage> {
  return send(url, request)
}

/** The text of an error in the shape that the route at `path` has for it; throws where it has another one. */
export function errorText(path: string, answer: HttpMessage): string {
  const body = JSON.parse(bodyOf(answer).toString())
  if (path.startsWith('/api/')) {
    assert.deepEqual(Object.keys(body), ['error'])
    return body.error
  }
  const { message, ...rest } = body.error
  if (path.startsWith('/v1/messages')) assert.equal(body.type, 'error')
  else assert.deepEqual({ param: null, code: null }, { param: rest.param, code: rest.code })
  assert.equal(typeof rest.type, 'string')
  return message
}

/** The job that an answer belongs to, as the store has it now. */
export function jobOf({ app }: Pick<Stage, 'app'>, answer: HttpMessage): Job | undefined {
  const id = fieldValue(answer.fields, 'foreman-job-id')
  return id === undefined ? undefined : app.jobs.get(id)
}

/** Resolves with the next job that comes into this state. Call it before what brings the job there. */
export function nextIn({ app }: Pick<Stage, 'app'>, state: JobState): Promise<Job> {
  return new Promise(resolve => {
    const listener = (_event: unknown, job: Job) => {
      if (job.state !== state) return
      app.jobEvents.off('event', listener)
      resolve(job)
    }
    app.jobEvents.on('event', listener)
  })
}

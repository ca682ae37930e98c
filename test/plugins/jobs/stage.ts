/** The stage of these tests: a fake Ollama, a foreman that has found it, and words to speak to its own routes. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'
import type { FakeConfig, FakeOllama } from '../../fake-ollama/start.ts'
import type { LocalForeman, SettingsPart } from '../../helpers/foreman.ts'
import { startRig } from '../../strength/support/rig.ts'

/** A job object with what `include=request` adds. */
export type ShownJob = JobObject & { request?: unknown; result: Record<string, unknown> | null }

/** An answer of foreman's own routes. */
export interface Answer<T = ShownJob> {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, parsed; undefined where there is none. */
  readonly body: T
}

/** A problem document. */
export interface Problem {
  readonly code: string
  readonly detail: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

/** What {@link startStage} gives. */
export interface Stage extends LocalForeman {
  readonly fake: FakeOllama
  /** Asks one route; an object is sent as JSON, text as it is. */
  ask<T = ShownJob>(method: string, path: string, options?: AskOptions): Promise<Answer<T>>
  /** Hands in a job. @throws {AssertionError} unless it is accepted */
  submit(body?: Readonly<Record<string, unknown>>): Promise<ShownJob>
  /** The job when it has ended. */
  ended(id: string): Promise<ShownJob>
}

/** How to ask. */
export interface AskOptions {
  readonly body?: object | string
  readonly headers?: Readonly<Record<string, string>>
}

/** A chat request that any of the models of the stage can answer. */
export const chatBody = { model: 'alpha', messages: [{ role: 'user', content: 'hello' }] }

/** Starts both; they are gone when the test is over. */
export async function startStage(
  t: TestContext,
  config: Partial<FakeConfig> = {},
  settings: SettingsPart = {}
): Promise<Stage> {
  const rig = await startRig(t, config, settings)
  return { ...rig, ...speaker(rig.url) }
}

/** The words alone, for a foreman that was started otherwise. */
export function speaker(url: string): Pick<Stage, 'ask' | 'submit' | 'ended'> {
  const ask: Stage['ask'] = async (method, path, { body, headers = {} } = {}) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(url + path, {
      method,
      headers: { ...type, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) })
    })
    const text = await answer.text()
    const parsed = text === '' ? undefined : JSON.parse(text)
    return { status: answer.status, headers: answer.headers, text, body: parsed }
  }
  return {
    ask,
    submit: async (body = chatBody) => {
      const answer = await ask('POST', '/jobs', { body })
      assert.equal(answer.status, 202, answer.text)
      return answer.body
    },
    ended: async id => (await ask('GET', `/jobs/${id}`, { headers: { prefer: 'wait=20' } })).body
  }
}

/** @throws {AssertionError} unless the answer is a problem document with this status and code */
export function assertProblem(answer: Answer<unknown>, status: number, code: string): Problem {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  const problem = answer.body as Problem
  assert.equal(problem.code, code, answer.text)
  return problem
}

/**
 * Callers of the job routes, as patient as a real client: when a connection breaks they come back, with the same
 * idempotency key where they gave one.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'
import type { Random } from '../random.ts'
import type { Ledger } from './ledger.ts'

/** Where foreman listens. It moves with each start. */
export interface Address {
  /** Resolves when somebody listens again; with undefined when nobody will. */
  current(): Promise<string | undefined>
}

/** What a caller needs. */
export interface CallerParts {
  readonly address: Address
  readonly ledger: Ledger
  readonly random: Random
  /** A name of its own, part of its keys. */
  readonly name: string
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Between two calls of one caller. */
const longestPauseMs = 40
const mostLines = 8
/** Uploads differ in this many ways, times two sizes. */
const contents = 30
/** Names of the models that jobs use, with how often; the last two give answers of 100 and 400 kB. */
const models = [
  { weight: 6, model: 'alpha' },
  { weight: 6, model: 'beta' },
  { weight: 2, model: 'inline' },
  { weight: 1, model: 'large' }
]

/** Makes one call after another until it is told to leave. */
export class Caller {
  readonly #parts: CallerParts
  #keys = 0
  #left = false

  constructor(parts: CallerParts) {
    this.#parts = parts
  }

  /** Calls until {@link leave}. @throws {AssertionError} where an answer breaks a promise */
  async call(): Promise<void> {
    while (!this.#left) {
      const { random } = this.#parts
      await random.weighted(actions).play(this)
      await sleep(random.between(0, longestPauseMs))
    }
  }

  /** The call that is on its way is the last. */
  leave(): void {
    this.#left = true
  }

  /** Hands in a job; one with a key again and again until it is acknowledged, sometimes once more after that. */
  async submit(): Promise<void> {
    const { random } = this.#parts
    const key = this.#newKey()
    const body = { request: nativeBody(random), metadata: { key: key ?? '' }, ...terms(random) }
    await this.#handIn('/jobs', headersOf(key), key, body)
  }

  /** The same by a native route and one header. */
  async submitNative(): Promise<void> {
    const key = this.#newKey()
    const headers = { ...headersOf(key), prefer: 'respond-async' }
    // The keys of another route: the same words would mean another job.
    await this.#handIn('/api/generate', headers, key && `native ${key}`, nativeBody(this.#parts.random))
  }

  /** Hands in many, one a line; all of those with a key again where an answer was missing. */
  async submitLines(): Promise<void> {
    const { random, ledger } = this.#parts
    const keys = Array.from({ length: random.between(1, mostLines) }, () => this.#newKey())
    const lines = keys.map(key => lineOf(random, key))
    const headers = { 'content-type': 'application/x-ndjson' }
    for (let again = true; again && !this.#left; ) {
      const answers = await this.#askLines(headers, lines.join('\n'))
      for (const [index, id] of answers.entries()) ledger.acknowledge(id, keys[index])
      // Where a line has no key, nobody can tell whether it was taken.
      again = answers.length < lines.length && keys.every(key => key !== undefined)
    }
  }

  /** Uploads one of a few contents, so that many meet in one file; now and then takes an upload away. */
  async upload(): Promise<void> {
    const { random, ledger } = this.#parts
    const body = String(random.between(0, contents)).repeat(random.pick([100, 100_000]))
    const answer = await this.ask('POST', '/artifacts', { 'content-type': 'text/plain' }, body)
    if (answer === undefined) return
    assert.ok([200, 201].includes(answer.status), answer.text)
    const { id } = JSON.parse(answer.text) as { id: string }
    ledger.uploaded.add(id)
    if (random.next() < 0.7) return
    ledger.uploadsRemoved.add(id)
    await this.ask('DELETE', `/artifacts/${id}`)
  }

  /** Looks at a job. */
  async look(): Promise<void> {
    const id = this.#anyJob()
    const answer = id && (await this.ask('GET', `/jobs/${id}`))
    if (!answer || !id) return
    const { ledger } = this.#parts
    if (ledger.deleted.has(id)) return
    assert.equal(answer.status, 200, answer.text)
    ledger.see(id, (JSON.parse(answer.text) as JobObject).state, answer.text, 'http')
  }

  /** Cancels a job, one that is on the target where there is one. */
  async cancel(): Promise<void> {
    const { random, ledger } = this.#parts
    const id = random.next() < 0.5 ? this.#anyJob() : await this.#runningJob()
    const answer = id && (await this.ask('POST', `/jobs/${id}/cancel`))
    if (!answer || ledger.deleted.has(id)) return
    assert.ok([200, 202].includes(answer.status), answer.text)
    ledger.acknowledgeCancel(JSON.parse(answer.text) as JobObject)
  }

  /** Deletes a job, if it has ended. */
  async remove(): Promise<void> {
    const id = this.#anyJob()
    if (id === undefined) return
    const { ledger } = this.#parts
    if (!ledger.deleted.has(id)) ledger.deleted.set(id, false)
    const answer = await this.ask('DELETE', `/jobs/${id}`)
    if (answer?.status === 204) ledger.deleted.set(id, true)
    else assert.ok(answer === undefined || [409, 410].includes(answer.status), answer?.text)
  }

  /** @returns undefined where the connection broke */
  async ask(method: string, path: string, headers = {}, body?: string): Promise<Answer | undefined> {
    const url = await this.#parts.address.current()
    if (url === undefined) return undefined
    try {
      const answer = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })
      return { status: answer.status, text: await answer.text() }
    } catch {
      return undefined
    }
  }

  async #handIn(path: string, headers: object, key: string | undefined, body: object): Promise<void> {
    const { random, ledger } = this.#parts
    const times = key !== undefined && random.next() < 0.2 ? 2 : 1
    const text = JSON.stringify(body)
    for (let acknowledged = 0; acknowledged < times; ) {
      const answer = await this.ask('POST', path, headers, text)
      if (answer === undefined && (key === undefined || this.#left)) return
      if (answer === undefined) continue
      assert.ok([200, 201, 202].includes(answer.status), `${answer.status} ${answer.text}`)
      ledger.acknowledge((JSON.parse(answer.text) as JobObject).id, key)
      acknowledged += 1
    }
  }

  /** The ids that came before the connection broke, if it did. */
  async #askLines(headers: Record<string, string>, body: string): Promise<string[]> {
    const url = await this.#parts.address.current()
    let text = ''
    try {
      const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body })
      assert.equal(answer.status, 200)
      for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) text += chunk
    } catch (err) {
      if (err instanceof assert.AssertionError) throw err
    }
    // Without its end, the last line is not an answer.
    const lines = text.split('\n').slice(0, -1)
    return lines.map(line => {
      const { id } = JSON.parse(line)
      assert.ok(id !== undefined, line)
      return id
    })
  }

  #newKey(): string | undefined {
    const { random, name } = this.#parts
    return random.next() < 0.6 ? `${name}-${++this.#keys}` : undefined
  }

  /** A job that was acknowledged, more often a late one. */
  #anyJob(): string | undefined {
    const { ledger, random } = this.#parts
    const ids = [...ledger.accepted]
    return ids[Math.max(0, ids.length - 1 - Math.floor(ids.length * random.next() ** 3))]
  }

  async #runningJob(): Promise<string | undefined> {
    const page = await this.ask('GET', '/jobs?state=working,loading&limit=1')
    return page && (JSON.parse(page.text) as { data: JobObject[] }).data[0]?.id
  }
}

const actions: readonly { weight: number; play: (caller: Caller) => Promise<void> }[] = [
  { weight: 8, play: caller => caller.submit() },
  { weight: 2, play: caller => caller.submitNative() },
  { weight: 1, play: caller => caller.submitLines() },
  { weight: 2, play: caller => caller.upload() },
  { weight: 4, play: caller => caller.look() },
  { weight: 4, play: caller => caller.cancel() },
  { weight: 2, play: caller => caller.remove() }
]

function nativeBody(random: Random): object {
  const { model } = random.weighted(models)
  return { model, prompt: 'hello', options: { num_predict: random.between(1, 30) } }
}

function lineOf(random: Random, key: string | undefined): string {
  const line = {
    request: nativeBody(random),
    metadata: { key: key ?? '' },
    ...terms(random),
    idempotency_key: key
  }
  return JSON.stringify(line)
}

function terms(random: Random): object {
  const priority = random.pick(['interactive', 'normal', 'batch'])
  return { priority, max_attempts: random.pick([2, 5, 30]) }
}

function headersOf(key: string | undefined): Record<string, string> {
  return { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) }
}

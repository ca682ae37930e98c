/** The running foreman, as a client of it sees it. */
import { eventually, FinalError } from './shell.ts'

/** A job object, as far as it is looked at. */
export interface Job {
  readonly id: string
  readonly state: string
  readonly attempt: number
  readonly result?: { readonly response?: string } | null
}

/** An event of a job. */
export interface JobEvent {
  readonly type: string
  readonly seq: number
}

/** A native call, and how many tokens its answer has. */
export interface Wanted {
  readonly model: string
  readonly prompt: string
  readonly tokens: number
}

const longestRunMs = 120_000
const ended = ['done', 'failed', 'canceled', 'expired']

/** Speaks to one foreman with one token. */
export class Foreman {
  readonly #url: string
  readonly #token: string

  constructor(port: number, token: string) {
    this.#url = `http://127.0.0.1:${port}`
    this.#token = token
  }

  /** One request. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.#url + path, {
      ...init,
      headers: { authorization: `Bearer ${this.#token}`, ...init.headers }
    })
  }

  /** The body of an answer. @throws {FinalError} for a status other than 2xx */
  async json<T>(path: string, init?: RequestInit): Promise<T> {
    const answer = await this.request(path, init)
    const text = await answer.text()
    if (!answer.ok) throw new FinalError(`${path} answered ${answer.status}: ${text}`)
    return JSON.parse(text)
  }

  /** Hands a job in. @returns its id, so it is on the disk */
  async handIn({ model, prompt, tokens }: Wanted): Promise<string> {
    const request = { model, prompt, options: { num_predict: tokens } }
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ request })
    return (await this.json<Job>('/jobs', { method: 'POST', headers, body })).id
  }

  /** A job as it is now. */
  job(id: string): Promise<Job> {
    return this.json<Job>(`/jobs/${id}`)
  }

  /** All events of a job. */
  async events(id: string): Promise<JobEvent[]> {
    return (await this.json<{ data: JobEvent[] }>(`/jobs/${id}/events?limit=1000`)).data
  }

  /** Waits until a job computes. */
  async working(id: string): Promise<void> {
    await eventually(`${id} computes`, async () => (await this.job(id)).state === 'working', longestRunMs)
  }

  /** Waits until a job is over. */
  ended(id: string): Promise<Job> {
    const ask = async () => {
      const job = await this.job(id)
      return ended.includes(job.state) && job
    }
    return eventually(`${id} is over`, ask, longestRunMs)
  }
}

/** Jobs that begin when all is ready, alone or with crowds of followers. */
import { once } from 'node:events'
import { chatCall } from './call.ts'
import { cpuOf } from './cpu.ts'
import type { CrowdCommand, CrowdResult } from './crowd.ts'
import { forkProgram } from './programs.ts'
import type { Bench } from './scenario.ts'

/** How one job went. */
export interface JobRun {
  readonly text: string
  /** From the begin of its attempt to its end. */
  readonly tookMs: number
  /** For how long the target spoke, by its own clock. */
  readonly targetMs: number
  /** Processor time of foreman in that, a little before and after included. */
  readonly cpuS: number
  /** What each crowd got. */
  readonly crowds: readonly CrowdResult[]
}

/** So many followers, in a process of their own. */
export type Crowd = Pick<CrowdCommand, 'transport' | 'followers'>

interface EndedJob {
  readonly state: string
  readonly started_at: string
  readonly finished_at: string
  readonly timings: { readonly prompt_eval_s: number; readonly generation_s: number }
  readonly result: { readonly message: { readonly content: string } }
}

/** Hands a job in while the queue stands, and lets it go when everybody follows it. @throws {Error} unless it gets done */
export async function runJob(
  bench: Bench,
  url: string,
  tokens: number,
  crowds: readonly Crowd[]
): Promise<JobRun> {
  await post(url, '/queue/pause')
  const { id: jobId } = await post(url, '/jobs', JSON.parse(chatCall('small', { tokens }).body))
  const results: (() => Promise<CrowdResult>)[] = []
  for (const crowd of crowds) results.push(await follow(bench, { url, jobId, ...crowd }))
  const before = await cpuOf(url)
  await post(url, '/queue/resume')
  const { started_at, finished_at, timings, result } = await ended(url, jobId)
  const told = await Promise.all(results.map(result => result()))
  return {
    text: result.message.content,
    tookMs: Date.parse(finished_at) - Date.parse(started_at),
    targetMs: (timings.prompt_eval_s + timings.generation_s) * 1000,
    cpuS: (await cpuOf(url)) - before,
    crowds: told
  }
}

/** Resolves when all of the crowd are connected; what it gives then tells what they got. */
async function follow(bench: Bench, command: CrowdCommand): Promise<() => Promise<CrowdResult>> {
  const child = forkProgram(bench, 'crowd.ts')
  const next = async () => {
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    if (typeof message === 'number') throw new Error(`followers ended (exit ${message})`)
    return message
  }
  child.send(command)
  await next()
  const result = next()
  return () => result
}

async function post(url: string, path: string, body: object = {}): Promise<{ id: string }> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(new URL(path, url), { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as { id: string }
}

async function ended(url: string, id: string): Promise<EndedJob> {
  const answer = await fetch(new URL(`/jobs/${id}`, url), { headers: { prefer: 'wait=60' } })
  const job = (await answer.json()) as EndedJob
  if (job.state !== 'done') throw new Error(`the job is ${job.state}`)
  return job
}

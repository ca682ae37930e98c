/** Foremen that are in no state for what is asked of them: full, late, away, shutting down, or open to this machine alone. */

import { soleCaller } from '../../../core/access/caller.ts'
import { bytesOf } from '../../fuzz/request.ts'
import { exchange } from '../../fuzz/wire.ts'
import type { Scope } from '../../helpers/foreman.ts'
import type { Answer, Operation } from './description.ts'
import { good, withoutPrefer } from './refusals.ts'
import { kindOf, pathOf, Stage } from './stage.ts'
import { keptCall } from './successes.ts'

/** One of them, and how an operation is asked there. */
export interface Other {
  readonly stage: Stage
  ask(operation: Operation): Promise<Answer>
}

/** Asks all of these operations together, and hands each answer on. */
export async function atOnce(
  operations: readonly Operation[],
  { stage, ask }: Other,
  take: (stage: Stage, operation: Operation, answer: Answer) => void
): Promise<void> {
  const answers = await Promise.all(operations.map(ask))
  for (const [at, answer] of answers.entries()) take(stage, operations[at]!, answer)
}

const isJobRoute = (operation: Operation) => kindOf(operation) === 'jobs'

/** A request that makes a job of some sort. */
async function asked(stage: Stage, operation: Operation, canceled: string) {
  const whole = isJobRoute(operation)
    ? { method: operation.method, path: pathOf(operation, canceled) }
    : await good(stage, operation)
  return whole
}

/** `queue_full`: as many jobs wait as may; uploads meet the other limit, of bytes. */
async function full(t: Scope): Promise<Other> {
  const stage = await Stage.start(t, { queue: { max_queued: 1 } })
  const canceled = await stage.job('canceled')
  await stage.made({ method: 'POST', path: '/queue/pause' })
  await stage.job('queued')
  const fat = await Stage.start(t, { queue: { max_bytes: 1 } })
  return {
    stage,
    ask: async operation =>
      operation.path === '/artifacts'
        ? fat.send(await good(fat, operation))
        : stage.send(await asked(stage, operation, canceled))
  }
}

/** `uploads_full` */
async function fullOfUploads(t: Scope): Promise<Other> {
  const stage = await Stage.start(t, { artifacts: { max_bytes_total: 1 } })
  return { stage, ask: async operation => stage.send(await good(stage, operation)) }
}

/** `too_many_endpoints`: the only one that may be is there. */
async function fullOfEndpoints(t: Scope): Promise<Other> {
  const stage = await Stage.start(t, { plugins: { webhooks: { max_endpoints: 1 } } })
  await stage.endpoint()
  return { stage, ask: async operation => stage.send(await good(stage, operation)) }
}

/** `start_timeout`: nothing is started, and nobody waits for long. */
async function paused(t: Scope): Promise<Other> {
  const stage = await Stage.start(t, { limits: { attached_start_timeout_s: 0.3 } })
  await stage.made({ method: 'POST', path: '/queue/pause' })
  return { stage, ask: async operation => stage.send(await good(stage, operation)) }
}

/** `canceled`: by somebody else, while the call waits. */
async function canceling(t: Scope): Promise<Other> {
  const stage = await Stage.start(t)
  await stage.made({ method: 'POST', path: '/queue/pause' })
  stage.app.jobEvents.on('event', ({ type, jobId }: { type: string; jobId: string }) => {
    if (type === 'job.queued') setImmediate(() => stage.app.queue.cancel(jobId))
  })
  return { stage, ask: async operation => stage.send(await good(stage, operation)) }
}

/** `interrupted`: foreman is stopped while calls wait. */
async function stopping(t: Scope): Promise<Other> {
  const stage = await Stage.start(t)
  await stage.made({ method: 'POST', path: '/queue/pause' })
  let waiting = 0
  const all = stage.description.operations.filter(({ answers }) => answers.has('504')).length
  stage.app.jobEvents.on('event', ({ type }: { type: string }) => {
    if (type === 'job.queued' && ++waiting === all) setImmediate(() => void stage.app.close())
  })
  return { stage, ask: async operation => stage.send(await good(stage, operation)) }
}

/** `target_unreachable`: the target is gone. */
async function alone(t: Scope): Promise<Other> {
  const stage = await Stage.start(t)
  await stage.fake.kill()
  return { stage, ask: async operation => stage.send(withoutPrefer(await good(stage, operation))) }
}

/** `too_many_failed_logins` */
async function strict(t: Scope): Promise<Other> {
  const stage = await Stage.start(t, {}, { failed_logins_per_minute: 1 })
  await stage.send({ method: 'GET', path: '/whoami' }, 'wrong')
  return {
    stage,
    ask: ({ method, path }) => stage.send({ method, path: path.replaceAll(/[{}]/g, '') }, 'wrong')
  }
}

/** `too_many_streams`: somebody has the only one. */
async function crowded(t: Scope): Promise<Other> {
  const stage = await Stage.start(t, { limits: { max_streams: 1 } })
  t.after(stage.app.streamSlots.take(soleCaller, 'sse'))
  const headers = { accept: 'text/event-stream' }
  return {
    stage,
    ask: async operation => {
      const { method, path } = operation
      if (path.endsWith('/stream'))
        return stage.send({ method, path: pathOf(operation, await keptCall(stage)) })
      const asked = await good(stage, operation)
      return stage.send({ ...asked, headers: { ...asked.headers, ...headers } })
    }
  }
}

/** `request_timeout`: a body is promised and does not come. */
async function patient(t: Scope): Promise<Other> {
  const stage = await Stage.start(t, { limits: { body_grace_s: 0.5 } })
  return {
    stage,
    ask: async ({ method, path }) => {
      const fields = [
        ['authorization', `Bearer ${stage.admin}`],
        ['content-type', 'application/json']
      ] as const
      const target = path.replaceAll(/[{}]/g, '')
      const request = { method, url: path, target, fields, body: ' ', framing: 'cut' } as const
      const bytes = bytesOf(request, { job: [], art: [], whe: [], dlv: [], cursor: [] })
      const reply = await exchange(stage.url, method, bytes, { silenceMs: 10_000, halfClose: false })
      return reply ?? { status: 0, headers: {}, body: Buffer.from('nothing came') }
    }
  }
}

/** By the code that they bring. */
export const others: Readonly<Record<string, (t: Scope) => Promise<Other>>> = {
  queue_full: full,
  uploads_full: fullOfUploads,
  too_many_endpoints: fullOfEndpoints,
  start_timeout: paused,
  canceled: canceling,
  interrupted: stopping,
  target_unreachable: alone,
  too_many_failed_logins: strict,
  too_many_streams: crowded,
  request_timeout: patient
}

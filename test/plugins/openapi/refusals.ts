/**
 * A request for each code that an operation may refuse with. One that holds for many operations is told once, by what the
 * description says of them.
 */
import { artifactRefusals } from './artifact-refusals.ts'
import type { Operation } from './description.ts'
import {
  type Asked,
  bodyLimit,
  deafUrl,
  embedder,
  form,
  formType,
  kindOf,
  pathOf,
  type Stage
} from './stage.ts'
import { streamRefusals } from './stream-refusals.ts'
import { callOf, plain, socketHeaders } from './successes.ts'
import { webhookRefusals } from './webhook-refusals.ts'

/** What to send, and with which token; the administrator's where none is named. */
export interface Wrong {
  readonly asked: Asked
  readonly token?: string
}

/** Leads to a refusal; undefined where it cannot on this operation. */
export type Refusal = (stage: Stage, operation: Operation) => Promise<Wrong | undefined>

const never = '01jzzzzzzzzzzzzzzzzzzzzzzz'
const neverIds = {
  ...{ jobs: `job_${never}`, artifacts: `art_${never}`, tokens: `tok_${never}` },
  ...{ 'webhook-endpoints': `whe_${never}`, 'webhook-deliveries': `dlv_${never}` }
}

const isCall = ({ path, method }: Operation) =>
  method === 'POST' && /^\/(api\/(chat|generate|embed)|v1\/(chat|comp|resp|mess|emb|audio|system))/.test(path)
const isForm = ({ path }: Operation) => path.endsWith('/transcriptions')
const isNativeEmbed = ({ path }: Operation) => path.startsWith('/api/embed')

/** A request that would succeed. */
export async function good(stage: Stage, operation: Operation, model?: string): Promise<Asked> {
  const asked = await plain(stage, operation)
  if (isForm(operation)) {
    const body = model === undefined ? form : form.replace('llama3.2', model)
    return { ...asked, body, headers: { 'content-type': formType } }
  }
  // Embeddings wait for nothing, unless nobody waits for them.
  const headers: Record<string, string> = isNativeEmbed(operation) ? { prefer: 'respond-async' } : {}
  if (isCall(operation))
    return { ...asked, headers, body: { ...callOf(asked.path), ...(model && { model }) } }
  if (operation.operationId === 'create_job')
    return { ...asked, body: { ...callOf(asked.path), ...(model && { model }) } }
  if (asked.path.startsWith('/models/') && model !== undefined)
    return { ...asked, path: operation.path.replace('{name}', model) }
  if (operation.operationId === 'open_socket') return { ...asked, headers: socketHeaders }
  if (operation.operationId === 'create_token') return { ...asked, body: { name: 'a', scopes: ['metrics'] } }
  if (operation.operationId === 'upload_artifact') return { ...asked, body: `bytes ${Math.random()}` }
  if (operation.operationId === 'create_webhook_endpoint') return { ...asked, body: { url: deafUrl } }
  return asked
}

const withToken =
  (draft: object): Refusal =>
  async (stage, operation) => ({ asked: await good(stage, operation), token: await stage.token(draft) })

const withBody =
  (body: object | string, headers: Record<string, string> = {}): Refusal =>
  async (stage, operation) => ({ asked: { ...(await plain(stage, operation)), body, headers } })

const about =
  (make: (stage: Stage) => Promise<string>): Refusal =>
  async (stage, operation) => ({
    asked: { method: operation.method, path: pathOf(operation, await make(stage)) }
  })

const json = { 'content-type': 'application/json' }

async function wrongScope(stage: Stage, operation: Operation): Promise<Wrong> {
  const [needed] = operation.security[0]!.bearer!
  const scopes = [needed === 'metrics' ? 'webhooks' : 'metrics']
  return { asked: await good(stage, operation), token: await stage.token({ scopes }) }
}

async function onceTooOften(stage: Stage, operation: Operation): Promise<Wrong> {
  const token = await stage.token({ limits: { requests_per_minute: 1 } })
  await stage.send({ method: 'GET', path: '/whoami' }, token)
  return { asked: await good(stage, operation), token }
}

async function badRequest(stage: Stage, operation: Operation): Promise<Wrong | undefined> {
  const { operationId, method, path } = operation
  if (path.includes('{')) return { asked: { method, path: path.replace(/\{\w+\}/, '%zz') } }
  if (operationId === 'follow_events') return { asked: { method, path: `${path}?job_ids=nonsense` } }
  const asked = await good(stage, operation)
  if (operationId === 'create_job') {
    const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': 'a' }
    return { asked: { ...asked, body: '{}', headers } }
  }
  if (operationId === 'upload_artifact')
    return { asked: { ...asked, body: form.slice(0, -30), headers: { 'content-type': formType } } }
  if (isForm(operation)) return { asked: { ...asked, path: `${path}?model=other` } }
  if (path.startsWith('/v1/'))
    return { asked: { ...asked, body: 'no frame', headers: { 'content-encoding': 'zstd' } } }
  return { asked: { ...asked, headers: { ...asked.headers, 'foreman-priority': 'first' } } }
}

async function unknownId(stage: Stage, operation: Operation): Promise<Wrong> {
  if (operation.path.startsWith('/models/')) return { asked: await good(stage, operation, 'nobody') }
  const kind = kindOf(operation)
  if (operation.operationId === 'follow_events')
    return { asked: { method: 'GET', path: `/events?job_ids=${neverIds.jobs}` } }
  if (kind === undefined)
    return { asked: { ...(await plain(stage, operation)), body: { job_id: neverIds.jobs } } }
  const body = operation.method === 'PATCH' ? {} : undefined
  return { asked: { method: operation.method, path: pathOf(operation, neverIds[kind]), body } }
}

async function removedJob(stage: Stage, operation: Operation): Promise<Wrong> {
  if (kindOf(operation) === 'jobs') return (await about(at => at.job('removed'))(stage, operation))!
  if (operation.operationId === 'follow_events')
    return { asked: { method: 'GET', path: `/events?job_ids=${await stage.job('removed')}` } }
  if (operation.operationId === 'create_stream_ticket')
    return { asked: { ...(await plain(stage, operation)), body: { job_id: await stage.job('removed') } } }
  const asked = keyed(await good(stage, operation), 'of a removed job')
  const { id } = await stage.made(waiting(asked, 20))
  await stage.send({ method: 'DELETE', path: `/jobs/${id}` })
  return { asked }
}

/** As a job without a connection, with a key. */
function keyed(asked: Asked, key: string): Asked {
  return { ...asked, headers: { ...asked.headers, prefer: 'respond-async', 'idempotency-key': key } }
}

function waiting(asked: Asked, forS: number): Asked {
  return { ...asked, headers: { ...asked.headers, prefer: `respond-async, wait=${forS}` } }
}

async function reusedKey(stage: Stage, operation: Operation): Promise<Wrong> {
  const asked = keyed(await good(stage, operation), 'of another body')
  await stage.made(asked)
  return { asked: { ...asked, body: { ...(asked.body as object), options: {} } } }
}

async function invalid(stage: Stage, operation: Operation): Promise<Wrong | undefined> {
  const { operationId, method } = operation
  const asked = await good(stage, operation)
  if (operationId === 'retry_job') return undefined
  if (method === 'GET') return { asked: { ...asked, path: `${asked.path}?nonsense=1` } }
  if (operationId === 'upload_artifact') return { asked: { ...asked, body: '' } }
  if (method === 'DELETE')
    return { asked: { ...asked, body: '['.repeat(100) + ']'.repeat(100), headers: json } }
  if (!isCall(operation)) return { asked: { ...asked, body: { nonsense: 1, metadata: [] } } }
  // Nothing in an embedding refers to an upload but its images.
  const images = { images: [{ artifact_id: 1 }] }
  const message = { role: 'user', content: 'hello', ...images }
  const body = { ...(asked.body as object), ...images, messages: [message] }
  return { asked: { ...asked, body, headers: { prefer: 'respond-async' } } }
}

async function quota(stage: Stage, operation: Operation): Promise<Wrong> {
  const token = await stage.token({
    scopes: ['jobs:write', 'jobs:read', 'inference', 'models:write'],
    limits: { max_queued: 1 }
  })
  const canceled = await stage.job('canceled', {}, token)
  await stage.job('queued', {}, token)
  const asked = await good(stage, operation)
  return { asked: { ...asked, path: asked.path.replace(/job_\w+/, canceled) }, token }
}

async function drained(stage: Stage, operation: Operation): Promise<Wrong> {
  const asked = await canceledOr(stage, operation)
  await stage.made({ method: 'POST', path: '/queue/drain' })
  return { asked }
}

/** A request that makes a job, of a canceled one where it is about one. */
async function canceledOr(stage: Stage, operation: Operation, model?: string): Promise<Asked> {
  const asked = await good(stage, operation, model)
  return kindOf(operation) === 'jobs'
    ? { ...asked, path: pathOf(operation, await stage.job('canceled', model === undefined ? {} : { model })) }
    : asked
}

async function goneModel(stage: Stage, operation: Operation): Promise<Wrong | undefined> {
  if (isCall(operation)) return undefined
  if (kindOf(operation) === undefined) return { asked: await good(stage, operation, 'nobody') }
  const asked = await canceledOr(stage, operation, 'other')
  await stage.send({ method: 'DELETE', path: '/api/delete', body: { model: 'other' } })
  await stage.app.catalog.refresh()
  return { asked }
}

async function rotated(stage: Stage): Promise<string> {
  const id = await stage.make('tokens')
  await stage.made({ method: 'POST', path: `/tokens/${id}/rotate` })
  return id
}

const tooLarge: Refusal = async (stage, operation) => {
  const asked = await plain(stage, operation)
  const headers = isForm(operation) ? { 'content-type': formType } : json
  const body = `{"x":"${'x'.repeat(bodyLimit)}"}`
  return { asked: { ...asked, body, headers } }
}

const unread: Refusal = async (stage, operation) =>
  operation.operationId === 'upload_artifact'
    ? { asked: { ...(await good(stage, operation)), headers: { 'content-encoding': 'gzip' } } }
    : (withBody('hello', { 'content-type': 'a/b/c;;;charset' })(stage, operation) as Promise<Wrong>)

const cloud: Refusal = async (stage, operation) =>
  operation.operationId === 'retry_job'
    ? undefined
    : { asked: await good(stage, operation, 'far:120b-cloud') }

const ranked: Refusal = async (stage, operation) => {
  const asked = await good(stage, operation)
  const token = await stage.token({ limits: { top_priority: 'batch' } })
  if (operation.operationId === 'create_job')
    return { asked: { ...asked, body: { ...(asked.body as object), priority: 'normal' } }, token }
  return { asked: { ...asked, headers: { ...asked.headers, 'foreman-priority': 'normal' } }, token }
}

const elsewhere: Refusal = async (stage, operation) => {
  const asked = await canceledOr(stage, operation)
  return { asked, token: await stage.token({ limits: { models: ['another'] } }) }
}

/** The target fails in a way that it is told of by a header. */
const targetFails =
  (fault: object): Refusal =>
  async (stage, operation) => {
    const asked = withoutPrefer(await good(stage, operation))
    return { asked: { ...asked, headers: { ...asked.headers, 'x-fake-fault': JSON.stringify(fault) } } }
  }

/** For an answer of the target's own. */
export function withoutPrefer(asked: Asked): Asked {
  const { prefer: _prefer, ...headers } = asked.headers ?? {}
  return { ...asked, headers }
}

/** By code, before a foreman that has no fault of its own. */
export const refusals: Readonly<Record<string, Refusal>> = {
  unauthorized: async (stage, operation) => ({ asked: await good(stage, operation), token: '' }),
  insufficient_scope: wrongScope,
  address_not_allowed: withToken({ limits: { addresses: ['10.9.9.9'] } }),
  rate_limited: onceTooOften,
  bad_request: badRequest,
  not_found: unknownId,
  job_data_removed: removedJob,
  validation_failed: invalid,
  malformed_json: withBody('{', json),
  unsupported_media_type: unread,
  body_too_large: tooLarge,
  draining: drained,
  queue_quota_exceeded: quota,
  model_not_found: goneModel,
  model_not_allowed: elsewhere,
  priority_not_allowed: ranked,
  leaves_this_machine: cloud,
  invalid_idempotency_key: async (stage, operation) => ({ asked: keyed(await good(stage, operation), '"') }),
  idempotency_key_reused: reusedKey,
  invalid_cursor: async (stage, operation) => {
    const asked = await plain(stage, operation)
    return { asked: { ...asked, path: `${asked.path}?cursor=nonsense` } }
  },
  ...streamRefusals,
  ...webhookRefusals,
  ...artifactRefusals,
  job_not_finished: about(stage => stage.job('queued')),
  job_not_retryable: about(stage => stage.job('done')),
  embedder_kept: async (stage, operation) => ({ asked: await good(stage, operation, embedder) }),
  token_not_rotatable: about(rotated),
  target_error: targetFails({ kind: 'empty' }),
  target_truncated: targetFails({ kind: 'accept_close' })
}

/**
 * A request for each answer of each operation that is no error. Every example of the description is sent besides; what
 * needs more than that, or something of its own, is here.
 */
import { createHash } from 'node:crypto'
import { until } from '../../strength/support/jobs.ts'
import type { Operation } from './description.ts'
import {
  type Asked,
  embedder,
  form,
  formType,
  kindOf,
  model,
  pathOf,
  type Stage,
  slowModel
} from './stage.ts'

/** Sends what leads to the answer. */
type Success = (stage: Stage, operation: Operation) => Promise<Asked>

const call = { model, messages: [{ role: 'user', content: 'hello' }], prompt: 'hello', input: 'hello' }

/** A body for any route that uses a model. */
export function callOf(path: string): typeof call {
  return path.includes('/embed') ? { ...call, model: embedder } : call
}

/** A request for the operation as its path has it, about something of its own. */
export async function plain(stage: Stage, operation: Operation): Promise<Asked> {
  const kind = kindOf(operation)
  const id = kind && (await stage.make(kind))
  return { method: operation.method, path: pathOf(operation, id) }
}

const withHeaders =
  (headers: Record<string, string>, body?: object): Success =>
  async (stage, operation) => ({ ...(await plain(stage, operation)), headers, body })

const withBody =
  (body: object | string): Success =>
  async (stage, operation) => ({ ...(await plain(stage, operation)), body })

const inBackground =
  (prefer: string): Success =>
  async (_stage, { method, path }) => ({
    method,
    path,
    headers: { prefer },
    body: { ...callOf(path), stream: false }
  })

const about =
  (make: (stage: Stage) => Promise<string>): Success =>
  async (stage, operation) => ({ method: operation.method, path: pathOf(operation, await make(stage)) })

/** The same request twice. */
const again =
  (first: Success): Success =>
  async (stage, operation) => {
    const asked = await first(stage, operation)
    await stage.made(asked)
    return asked
  }

const eventStream = 'text/event-stream'
const blob = 'the bytes of a model'
const blobPath = `/api/blobs/sha256:${createHash('sha256').update(blob).digest('hex')}`

async function running(stage: Stage): Promise<string> {
  const id = await stage.job('queued', { model: slowModel, not_before: undefined })
  await until(stage.app, id, 'working')
  return id
}

async function unready(stage: Stage, { method, path }: Operation): Promise<Asked> {
  await stage.made({ method: 'POST', path: '/queue/drain' })
  return { method, path }
}

/** Uses the model for a second. */
async function busyModel(stage: Stage): Promise<Asked> {
  const body = { model: slowModel, not_before: undefined, run_timeout_s: 1 }
  await until(stage.app, await stage.job('queued', body), 'working')
  return { method: 'POST', path: `/models/${slowModel}/unload`, headers: { prefer: 'wait=0' } }
}

async function pausedLoad(stage: Stage): Promise<Asked> {
  await stage.made({ method: 'POST', path: '/models/other/unload' })
  await stage.made({ method: 'POST', path: '/queue/pause' })
  return { method: 'POST', path: '/models/other/load', headers: { prefer: 'wait=0' } }
}

/** A call that goes on without its caller. @returns the id of its job */
export async function keptCall(stage: Stage): Promise<string> {
  const headers = { 'foreman-on-disconnect': 'continue' }
  const answer = await stage.send({ method: 'POST', path: '/api/chat', headers, body: call })
  return String(answer.headers['foreman-job-id'])
}

/** A stream whose end its client had. */
async function complete(stage: Stage): Promise<Asked> {
  const headers = { 'idempotency-key': 'followed to the end' }
  const asked = { method: 'POST', path: '/jobs', headers, body: call }
  const { id, seq } = await stage.made<{ id: string; seq: number }>({
    ...asked,
    headers: { ...headers, prefer: 'wait=20' }
  })
  return { ...asked, headers: { ...headers, accept: eventStream, 'last-event-id': `${id}:${seq}` } }
}

/** What asks for a WebSocket. */
export const socketHeaders = {
  ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
  ...{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'foreman.v1' }
}

/** By operation and status. */
export const successes: Readonly<Record<string, Success>> = {
  'get_readiness 503': unready,
  'create_job 200': again(withHeaders({ 'idempotency-key': 'once' }, call)),
  'create_job 201': withHeaders({ prefer: 'wait=20' }, call),
  'create_job 204': complete,
  'list_job_events 204': async (stage, operation) => {
    const asked = await plain(stage, operation)
    return { ...asked, path: `${asked.path}?after=latest`, headers: { accept: eventStream } }
  },
  'open_socket 101': withHeaders(socketHeaders),
  'get_job 304': withHeaders({ 'if-none-match': '*' }),
  'cancel_job 202': about(running),
  'retry_job 202': about(stage => stage.job('canceled')),
  'get_job_stream 200': about(keptCall),
  'upload_artifact 200': again(withBody('the same bytes')),
  'upload_artifact 201': async () => ({
    method: 'POST',
    path: '/artifacts',
    body: form,
    headers: { 'content-type': formType }
  }),
  'get_artifact_content 206': withHeaders({ range: 'bytes=0-1' }),
  'get_artifact_content 304': withHeaders({ 'if-none-match': '*' }),
  'get_job_artifact 206': withHeaders({ range: 'bytes=0-1' }),
  'get_job_artifact 304': withHeaders({ 'if-none-match': '*' }),
  'load_model 200': async () => ({
    method: 'POST',
    path: '/models/other/load',
    headers: { prefer: 'wait=20' }
  }),
  'load_model 202': pausedLoad,
  'unload_model 202': busyModel,
  'test_webhook_endpoint 200': withHeaders({ prefer: 'wait=20' }),
  'ollama_show_model 200': withBody({ model }),
  'ollama_embeddings 200': withBody({ model: embedder, prompt: 'hello' }),
  'ollama_pull_model 200': withBody({ model }),
  'ollama_push_model 200': withBody({ model }),
  'ollama_create_model 200': withBody({ model: 'made', from: model }),
  'ollama_copy_model 200': withBody({ source: model, destination: 'copy' }),
  'ollama_delete_model 200': withBody({ model: 'copy' }),
  'ollama_upload_blob 200': async stage => {
    const asked = { method: 'POST', path: blobPath, body: blob }
    await stage.send(asked)
    return asked
  },
  'openai_transcribe 200': async () => ({
    ...{ method: 'POST', path: '/v1/audio/transcriptions', body: form },
    headers: { 'content-type': formType }
  }),
  ...Object.fromEntries(
    ['ollama_chat', 'ollama_generate', 'ollama_embed', 'ollama_embeddings'].flatMap(name => [
      [`${name} 201`, inBackground('respond-async, wait=20')],
      [`${name} 202`, inBackground('respond-async')]
    ])
  )
}

/** What cannot be had from a fake target, and why. */
export const unreached: Readonly<Record<string, string>> = {
  'ollama_me 200': 'acts at ollama.com',
  'ollama_sign_out 200': 'acts at ollama.com',
  'ollama_delete_key 200': 'acts at ollama.com',
  'ollama_web_search 200': 'acts at ollama.com',
  'ollama_web_fetch 200': 'acts at ollama.com',
  'ollama_recommendations 200': 'acts at ollama.com',
  'ollama_systemone 200': 'the fake is of a version that does not have it'
}

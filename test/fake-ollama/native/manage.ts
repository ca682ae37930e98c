/**
 * Routes that change what is installed: pull, push, create, copy, delete, blobs.
 * Source: ollama/ollama `server/routes.go`, `server/create.go`, `server/images.go`.
 */
import { type CatalogEntry, catalogEntry, sha256 } from '../catalog/catalog.ts'
import {
  ConflictingSourceError,
  displayName,
  fullName,
  type ModelName,
  nameKey,
  parseModelName,
  parseModelRef,
  splitModelName
} from '../catalog/model-name.ts'
import { goQuote } from '../go/json-write.ts'
import { nowMs } from '../go/time.ts'
import { type Call, HttpError } from '../http/call.ts'
import { strikeEarly } from '../http/early-faults.ts'
import { type Progress, sendProgress } from './progress.ts'
import { copyRequest, createRequest, deleteRequest, pullRequest, pushRequest } from './requests.ts'

const PULL_PARTS = 4

/** POST `/api/pull`: brings a model of `remote_models`, replacing one of that name. */
export async function pullRoute(call: Call): Promise<void> {
  const request = call.read(pullRequest)
  const name = validName(request.model || request.name)
  call.meet(request.model || request.name)
  await strikeEarly(call)
  await sendProgress(call, request.stream ?? true, pull(call, name))
}

function* pull(call: Call, name: ModelName): Generator<Progress> {
  const { catalog, config, recorder } = call.world
  yield { status: 'pulling manifest' }
  const failure = call.faults.of('error_line')
  if (failure !== undefined) throw new Error(failure.message ?? 'fault injected')
  const found = config.remote_models.map(catalogEntry).find(entry => nameKey(entry.name) === nameKey(name))
  const entry = found ?? catalog.find(name)
  if (entry === undefined) throw new Error('pull model manifest: file does not exist')
  const layer = { status: `pulling ${entry.weights.slice(0, 12)}`, digest: `sha256:${entry.weights}` }
  const total = entry.config.size_bytes
  if (catalog.blobs.has(entry.weights)) yield { ...layer, total, completed: total }
  else {
    yield { ...layer, total }
    for (let part = 1; part <= PULL_PARTS; part++) {
      yield { ...layer, total, completed: Math.floor((total * part) / PULL_PARTS) }
    }
  }
  yield { status: 'verifying sha256 digest' }
  yield { status: 'writing manifest' }
  catalog.put({ ...entry, modifiedMs: nowMs() })
  recorder.event('catalog', entry, call.number, 'pulled')
  yield { status: 'success' }
}

/** POST `/api/push`: succeeds for whatever is installed. */
export async function pushRoute(call: Call): Promise<void> {
  const request = call.read(pushRequest)
  const sent = request.model || request.name
  if (sent === '') throw new HttpError(400, 'model is required')
  await sendProgress(call, request.stream ?? true, push(call, sent))
}

function* push(call: Call, sent: string): Generator<Progress> {
  const name = parseModelName(sent)
  const entry = name && call.world.catalog.find(name)
  yield { status: 'retrieving manifest' }
  if (entry === undefined) {
    yield { status: "couldn't retrieve manifest" }
    throw new Error(
      name === undefined ? `unqualified name: ${fullName(splitModelName(sent))}` : noManifest(name)
    )
  }
  const layer = { status: `pushing ${entry.weights.slice(0, 12)}`, digest: `sha256:${entry.weights}` }
  yield { ...layer, total: entry.config.size_bytes }
  yield { ...layer, total: entry.config.size_bytes, completed: entry.config.size_bytes }
  yield { status: 'pushing manifest' }
  yield { status: 'success' }
}

/** POST `/api/create`: from an installed model, which shares its weights, or from an uploaded blob. */
export async function createRoute(call: Call): Promise<void> {
  const request = call.read(createRequest)
  const name = parseModelName(request.model || request.name)
  if (name === undefined) throw new HttpError(400, 'invalid model name')
  await sendProgress(call, request.stream ?? true, create(call, name, request))
}

function* create(
  call: Call,
  name: ModelName,
  request: ReturnType<typeof createRequest.read>
): Generator<Progress> {
  const { catalog, recorder } = call.world
  if (request.from === '' && request.files !== undefined) yield { status: 'parsing GGUF' }
  const base = baseOf(call, request)
  yield { status: `using existing layer sha256:${base.weights}` }
  const parameters = { ...base.config.parameters, ...request.parameters }
  const system = request.system || base.config.system
  const digest = sha256(JSON.stringify([nameKey(name), base.weights, parameters, system]))
  const { fault: _, ...config } = base.config
  const own = { name: displayName(name), parameters, system, digest, weights: base.weights }
  const entry = catalogEntry({ ...config, ...own, capabilities: [...base.capabilities] })
  yield { status: `creating new layer sha256:${digest}` }
  yield { status: 'writing manifest' }
  catalog.put({ ...entry, modifiedMs: nowMs() })
  recorder.event('catalog', entry, call.number, 'created')
  yield { status: 'success' }
}

function baseOf(call: Call, request: ReturnType<typeof createRequest.read>): CatalogEntry {
  const { catalog } = call.world
  const [digest] = Object.values(request.files ?? {})
  if (request.from !== '') {
    const entry = catalog.find(validName(request.from))
    if (entry === undefined) throw new Error('pull model manifest: file does not exist')
    return entry
  }
  if (digest === undefined) throw new HttpError(400, "neither 'from' or 'files' was specified")
  const weights = digest.replace(/^sha256[:-]/, '').toLowerCase()
  if (!catalog.blobs.has(weights))
    throw new Error(`open /root/.ollama/models/blobs/sha256-${weights}: no such file or directory`)
  return catalogEntry({ name: 'blob', weights })
}

/** POST `/api/copy`: a second name for one digest. */
export function copyRoute(call: Call): void {
  const { source, destination } = call.read(copyRequest)
  const from = parseModelName(source)
  if (from === undefined) throw new HttpError(400, `source ${goQuote(source)} is invalid`)
  const to = parseModelName(destination)
  if (to === undefined) throw new HttpError(400, `destination ${goQuote(destination)} is invalid`)
  const { catalog, recorder } = call.world
  const entry = catalog.find(from)
  if (entry === undefined) throw new HttpError(404, `model ${goQuote(source)} not found`)
  const copy = { ...entry, name: to, modifiedMs: nowMs() }
  catalog.put(copy)
  recorder.event('catalog', copy, call.number, 'copied')
  call.wire.reply(200, undefined)
}

/** DELETE `/api/delete`: takes the name away; a resident runner stays until it expires. */
export function deleteRoute(call: Call): void {
  const request = call.read(deleteRequest)
  const sent = request.model || request.name
  if (sent === '') throw new HttpError(400, 'model is required')
  const name = parseModelName(sent)
  if (name === undefined) throw new HttpError(400, `name ${goQuote(sent)} is invalid`)
  const { catalog, recorder } = call.world
  const entry = catalog.find(name)
  if (entry === undefined) throw new HttpError(404, `model '${sent}' not found`)
  catalog.remove(name)
  recorder.event('catalog', entry, call.number, 'deleted')
  call.wire.reply(200, undefined)
}

/** HEAD `/api/blobs/:digest`. */
export function headBlobRoute(call: Call): void {
  const digest = validDigest(call)
  if (!call.world.catalog.blobs.has(digest))
    throw new HttpError(404, `blob ${goQuote(call.params.digest ?? '')} not found`)
  call.wire.reply(200, undefined)
}

/** POST `/api/blobs/:digest`. */
export function createBlobRoute(call: Call): void {
  const digest = validDigest(call)
  const { blobs } = call.world.catalog
  if (blobs.has(digest)) {
    call.wire.reply(200, undefined)
    return
  }
  const actual = sha256(call.body)
  if (`sha256:${actual}` !== call.params.digest) {
    const [expected, got] = [call.params.digest ?? '', `sha256:${actual}`].map(goQuote)
    throw new HttpError(400, `digest mismatch, expected ${expected}, got ${got}`)
  }
  blobs.add(digest)
  call.wire.reply(201, undefined)
}

function validDigest(call: Call): string {
  const match = /^sha256[:-]([0-9a-fA-F]{64})$/.exec(call.params.digest ?? '')
  if (match === null) throw new HttpError(400, 'invalid digest format')
  return (match[1] ?? '').toLowerCase()
}

function validName(sent: string): ModelName {
  try {
    return parseModelRef(sent).name
  } catch (error) {
    throw new HttpError(400, error instanceof ConflictingSourceError ? error.message : 'invalid model name')
  }
}

function noManifest({ host, namespace, model, tag }: ModelName): string {
  const path = `/root/.ollama/models/manifests/${host}/${namespace}/${model}/${tag}`
  return `open ${path}: no such file or directory`
}

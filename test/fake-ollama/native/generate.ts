/**
 * POST `/api/generate`.
 * Source: ollama/ollama `server/routes.go` (GenerateHandler).
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { fullName } from '../catalog/model-name.ts'
import { type Call, HttpError } from '../http/call.ts'
import { strikeEarly } from '../http/early-faults.ts'
import { checkCapability, cloudRefusal, findModel, GENERATE_TEXTS, unsupported } from './lookup.ts'
import { NativeReply } from './native-reply.ts'
import type { Reply } from './piece.ts'
import { type GenerateRequest, generateRequest } from './requests.ts'
import { answer, answering, stateChange, withRunner } from './run.ts'
import { checkLogprobs, debugRender } from './shared-checks.ts'

/** The native route. */
export function generateRoute(call: Call): Promise<void> {
  const request = call.read(generateRequest)
  return generate(call, request, new NativeReply(call, 'generate', request.stream ?? true, request.model))
}

/** Answers a generate request in whatever shape `reply` has. */
export function generate(call: Call, request: GenerateRequest, reply: Reply): Promise<void> {
  return answering(reply, async () => {
    checkLogprobs(request)
    const entry = findModel(call, request.model, GENERATE_TEXTS)
    await strikeEarly(call)
    if (entry.config.remote_host !== undefined) throw cloudRefusal(call.world.config.cloud_disabled)
    if (request.prompt === '' && request.keep_alive === 0) {
      call.world.scheduler.expire(entry)
      return reply.whole(stateChange(request.model, 'unload'))
    }
    const think = checkRequest(entry, request) && !request.raw
    await withRunner(call, entry, request, async run => {
      if (request.prompt === '') return reply.whole(stateChange(request.model, 'load'))
      const images = request.images?.length ?? 0
      if (request._debug_render_only) return debugRender(call, request, request.prompt, images)
      const prompt = `${request.system} ${request.prompt}`
      await answer(run, request, { prompt, images, think, withContext: !request.raw }, reply)
    })
  })
}

/** Refuses what the model cannot do. Returns whether it thinks aloud. */
function checkRequest(entry: CatalogEntry, request: GenerateRequest): boolean {
  if (entry.capabilities.includes('image')) {
    throw new HttpError(400, 'image generation models are not currently supported')
  }
  if (
    request.raw &&
    (request.template !== '' || request.system !== '' || (request.context?.length ?? 0) > 0)
  ) {
    throw new HttpError(400, 'raw mode does not support template, system, or context')
  }
  const thinks = entry.capabilities.includes('thinking')
  if (!thinks && request.think) throw unsupported(request.model, 'thinking')
  if (!entry.capabilities.includes('completion')) throw unsupported(request.model, 'generate')
  if (request.suffix !== '') checkCapability(entry, fullName(entry.name), 'insert')
  return thinks && request.think !== false
}

/**
 * POST `/api/chat`, and the heart of every compatible chat route.
 * Source: ollama/ollama `server/routes.go` (ChatHandler).
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { fullName } from '../catalog/model-name.ts'
import type { Call } from '../http/call.ts'
import { strikeEarly } from '../http/early-faults.ts'
import { CHAT_TEXTS, checkCapability, cloudRefusal, findModel, unsupported } from './lookup.ts'
import { NativeReply } from './native-reply.ts'
import type { Reply } from './piece.ts'
import { type ChatRequest, chatRequest, type Tool } from './requests.ts'
import { answer, answering, stateChange, withRunner } from './run.ts'
import { checkLogprobs, debugRender } from './shared-checks.ts'

/** The native route. */
export function chatRoute(call: Call): Promise<void> {
  const request = call.read(chatRequest)
  return chat(call, request, new NativeReply(call, 'chat', request.stream ?? true, request.model))
}

/** Answers a chat request in whatever shape `reply` has. `relaxThinking` drops `think` where it is not supported. */
export function chat(call: Call, request: ChatRequest, reply: Reply, relaxThinking = false): Promise<void> {
  return answering(reply, async () => {
    checkLogprobs(request)
    const entry = findModel(call, request.model, CHAT_TEXTS)
    await strikeEarly(call)
    const messages = request.messages ?? []
    if (messages.length === 0 && request.keep_alive === 0) {
      call.world.scheduler.expire(entry)
      return reply.whole(stateChange(request.model, 'unload'))
    }
    if (entry.config.remote_host !== undefined) throw cloudRefusal(call.world.config.cloud_disabled)
    const think = checkRequest(entry, request, relaxThinking)
    await withRunner(call, entry, request, async run => {
      if (messages.length === 0) return reply.whole(stateChange(request.model, 'load'))
      const prompt = messages.map(message => message.content).join(' ')
      const images = messages.flatMap(message => message.images ?? []).length
      if (request._debug_render_only) return debugRender(call, request, prompt, images)
      await answer(run, request, { prompt, images, think, tools: toolsToCall(entry, request) }, reply)
    })
  })
}

/** Refuses what the model cannot do. Returns whether it thinks aloud. */
function checkRequest(entry: CatalogEntry, request: ChatRequest, relaxThinking: boolean): boolean {
  const thinks = entry.capabilities.includes('thinking')
  if (!thinks && request.think && !relaxThinking) throw unsupported(request.model, 'thinking')
  if (!entry.capabilities.includes('completion')) throw unsupported(request.model, 'chat')
  if ((request.tools?.length ?? 0) > 0) checkCapability(entry, fullName(entry.name), 'tools')
  return thinks && request.think !== false
}

/** The first tool offered, or all of them, unless the model is to answer a tool's result or never calls any. */
function toolsToCall({ config }: CatalogEntry, request: ChatRequest): Tool[] {
  const answersTool = request.messages?.at(-1)?.role === 'tool'
  if (!config.calls_tools || answersTool) return []
  return request.tools?.slice(0, config.talks_with_tools ? undefined : 1) ?? []
}

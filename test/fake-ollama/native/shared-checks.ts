/**
 * Checks and answers that generate and chat have in common.
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { goQuote, goStringify } from '../go/json-write.ts'
import { nowMs, utcTime } from '../go/time.ts'
import { type Call, HttpError } from '../http/call.ts'

/** @throws {HttpError} 400 when `top_logprobs` is out of range. */
export function checkLogprobs(request: { top_logprobs: number }): void {
  if (request.top_logprobs < 0 || request.top_logprobs > 20) {
    throw new HttpError(400, 'top_logprobs must be between 0 and 20')
  }
}

const NO_IMAGES = {
  error: {
    code: 400,
    message: 'Multimodal data provided, but model does not support multimodal requests.',
    type: 'invalid_request_error'
  }
}

/**
 * What only the runner finds out.
 * @throws {HttpError} 500 when `format` is neither empty, `"json"` nor a schema; 400 with the
 * runner's own JSON as text when there are images and the model cannot see.
 */
export function runnerChecks(entry: CatalogEntry, format: unknown, images: number): void {
  const schema = typeof format === 'object' && !Array.isArray(format)
  if (!(format === undefined || format === '' || format === 'json' || schema)) {
    const shown = goQuote(goStringify(format))
    throw new HttpError(500, `invalid format: ${shown}; expected "json" or a valid JSON Schema object`)
  }
  const sees = entry.capabilities.includes('vision') || entry.capabilities.includes('audio')
  if (images > 0 && !sees) throw new HttpError(400, goStringify(NO_IMAGES))
}

/** The answer to `_debug_render_only`: the prompt that would have been used. */
export function debugRender(call: Call, request: { model: string }, prompt: string, images: number): void {
  const info = { rendered_template: prompt, image_count: images > 0 ? images : undefined }
  const record = { model: request.model, created_at: utcTime(nowMs()) }
  const text = call.path === '/api/chat' ? { message: { role: '', content: '' } } : { response: '' }
  call.json(200, { ...record, ...text, done: false, _debug_info: info })
}

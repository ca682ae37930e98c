/**
 * POST `/v1/audio/transcriptions`: a multipart form in, the whole text out.
 * Source: ollama/ollama `middleware/openai.go` (TranscriptionMiddleware, TranscriptionWriter).
 */
import { goStringify } from '../go/json-write.ts'
import { type Call, HttpError } from '../http/call.ts'
import { chat } from '../native/chat.ts'
import type { Piece } from '../native/piece.ts'
import { CompatReply } from './compat-reply.ts'
import { blankChat, blankMessage } from './openai-requests.ts'

const PROMPT = 'What exact words are spoken in this audio?'

/** The route. */
export async function transcriptionRoute(call: Call): Promise<void> {
  const form = await readForm(call)
  const model = text(form, 'model')
  if (model === '') throw new HttpError(400, 'model is required')
  const file = form.get('file')
  if (!(file instanceof File)) throw new HttpError(400, 'file is required: http: no such file')
  if (file.size === 0) throw new HttpError(400, 'audio file is empty')
  const audio = Buffer.from(await file.arrayBuffer()).toString('base64')
  const messages = [blankMessage('system'), { ...blankMessage('user'), content: PROMPT, images: [audio] }]
  const reply = new TranscriptionReply(call, text(form, 'response_format') === 'text')
  await chat(call, { ...blankChat(), model, messages, options: { temperature: 0 } }, reply)
}

function text(form: FormData, key: string): string {
  const value = form.get(key)
  return typeof value === 'string' ? value : ''
}

async function readForm(call: Call): Promise<FormData> {
  const contentType = call.request.headers['content-type'] ?? ''
  if (!contentType.startsWith('multipart/form-data')) {
    throw new HttpError(400, "failed to parse multipart form: request Content-Type isn't multipart/form-data")
  }
  try {
    return await new Response(new Uint8Array(call.body), {
      headers: { 'content-type': contentType }
    }).formData()
  } catch {
    throw new HttpError(400, 'failed to parse multipart form: multipart: NextPart: EOF')
  }
}

/** Gathers the text and sends it when it is complete. */
class TranscriptionReply extends CompatReply {
  readonly #plain: boolean
  #text = ''

  constructor(call: Call, plain: boolean) {
    super(call, 'openai', true)
    this.#plain = plain
  }

  override async piece(piece: Piece): Promise<void> {
    const { wire } = this.call
    // The stream behind opens with the type of its own lines, which is then what the client sees.
    if (!wire.started) wire.openStream(200, 'application/x-ndjson')
    this.#text += piece.content
    if (!piece.done) return
    const text = this.#text.trim()
    await wire.write(this.#plain ? text : `${goStringify({ text })}\n`, 200, '')
  }

  protected object(): object {
    return { text: this.#text.trim() }
  }

  protected events(): string[] {
    return []
  }
}

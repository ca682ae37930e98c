/** Bodies for the description of the API: calls that work where these models are there. */
import type { Examples } from '../../core/api-description.ts'

const model = 'llama3.2'
const embedder = 'nomic-embed-text'
const messages = [{ role: 'user', content: 'Why is the sky blue?' }]

/** By the path of the route. */
export const callExamples: Readonly<Record<string, Examples>> = {
  '/api/chat': { at_once: { model, messages, stream: false } },
  '/api/generate': { at_once: { model, prompt: 'Why is the sky blue?', stream: false } },
  '/api/embed': { texts: { model: embedder, input: ['sky', 'sea'] } },
  '/v1/chat/completions': { at_once: { model, messages } },
  '/v1/completions': { at_once: { model, prompt: 'Why is the sky blue?' } },
  '/v1/embeddings': { texts: { model: embedder, input: ['sky', 'sea'] } },
  '/v1/responses': { at_once: { model, input: 'Why is the sky blue?' } },
  '/v1/messages': { at_once: { model, messages, max_tokens: 100 } }
}

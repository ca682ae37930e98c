/** The npm package `ai-sdk-ollama`, by which the AI SDK speaks to `/api`. */
import { createOllama } from 'ai-sdk-ollama'
import { playAiSdk } from './ai-sdk.js'
import { token, url, wrongToken } from './script.ts'

function provider(apiKey, headers = {}) {
  return createOllama({ baseURL: url, apiKey, headers })
}

await playAiSdk({
  chat: (model, headers) => provider(token, headers)(model),
  thinking: model => provider(token)(model, { think: true }),
  embedding: model => provider(token).embedding(model),
  refused: model => provider(wrongToken)(model)
})

/** The npm package `@ai-sdk/openai-compatible`, by which the AI SDK speaks to `/v1`. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { playAiSdk } from './ai-sdk.js'
import { token, url, wrongToken } from './script.ts'

function provider(apiKey, headers = {}, more = {}) {
  const settings = { name: 'target', includeUsage: true, supportsStructuredOutputs: true, ...more }
  return createOpenAICompatible({ ...settings, baseURL: `${url}/v1`, apiKey, headers })
}

await playAiSdk({
  chat: (model, headers) => provider(token, headers)(model),
  thinking: model => provider(token, {}, { transformRequestBody: think })(model),
  embedding: model => provider(token).embeddingModel(model),
  refused: model => provider(wrongToken)(model)
})

function think(body) {
  return { ...body, reasoning_effort: 'high' }
}

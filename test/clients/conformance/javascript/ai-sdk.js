/** The calls of the AI SDK, which are the same for every provider of models. */
import { embed, embedMany, generateText, isStepCount, jsonSchema, Output, streamText, tool } from 'ai'
import {
  fault,
  gather,
  gatherTwo,
  hold,
  models,
  options,
  play,
  prompt,
  shape,
  texts,
  weather,
  withFake
} from './script.ts'

const asked = {
  prompt,
  temperature: options.temperature,
  seed: options.seed,
  maxOutputTokens: options.num_predict,
  maxRetries: 0
}
const described = { description: 'The weather in a city', inputSchema: jsonSchema(weather) }
const tools = { get_weather: tool(described) }
const executed = { get_weather: tool({ ...described, execute: async ({ city }) => `Rain in ${city}` }) }
const output = Output.object({ schema: jsonSchema(shape) })

/**
 * Makes all calls with a provider.
 * @param {{
 *   chat: (model: string, headers?: object) => unknown,
 *   thinking: (model: string) => unknown,
 *   embedding: (model: string) => unknown,
 *   refused: (model: string) => unknown
 * }} provider makes models; `headers` go with each of their calls, and `refused` has the wrong token
 */
export async function playAiSdk({ chat, thinking, embedding, refused }) {
  const model = chat(models.chat)
  await play({
    chat: () => whole({ model }),
    'chat streamed': () => streamed({ model }),
    'chat with tools': () => whole({ model, tools }),
    'chat with tools streamed': () => streamed({ model, tools }),
    'chat with tools executed': () => whole({ model, tools: executed, stopWhen: isStepCount(2) }),
    'chat thinking': () => whole({ model: thinking(models.thinking) }),
    'chat thinking streamed': () => streamed({ model: thinking(models.thinking) }),
    'structured output': () => whole({ model, output }),
    'structured output streamed': () =>
      gather(streamText({ model, ...asked, output, onError }).partialOutputStream),
    embed: () => embed({ model: embedding(models.embedding), value: texts[0], maxRetries: 0 }),
    'embed many': () => embedMany({ model: embedding(models.embedding), values: texts, maxRetries: 0 }),
    cancel: () => leave(chat(models.chat, hold)),
    'unknown model': () => whole({ model: chat(models.unknown) }),
    'unknown model streamed': () => streamed({ model: chat(models.unknown) }),
    'bad request': () => whole({ model: thinking(models.chat) }),
    ...withFake({
      'error in the stream': () =>
        streamed({ model: chat(models.chat, fault('error_line', { after: 2, message: 'boom' })) }),
      'stream without its end': () => streamed({ model: chat(models.chat, fault('clean_end', { after: 2 })) })
    }),
    'wrong token': () => whole({ model: refused(models.chat) })
  })
}

async function whole(request) {
  const result = await generateText({ ...asked, ...request })
  // Most of a result are getters, of which JSON would show nothing.
  const { content, finishReason, rawFinishReason, usage, totalUsage, warnings, providerMetadata } = result
  const { response, responseMessages, steps } = result
  const told = { content, finishReason, rawFinishReason, usage, totalUsage, warnings, providerMetadata }
  return {
    ...told,
    response,
    responseMessages,
    steps: steps.length,
    ...(request.output && { output: result.output })
  }
}

function streamed(request) {
  return gather(streamText({ ...asked, ...request, onError }).fullStream)
}

function leave(model) {
  const leaving = new AbortController()
  // Not without end, as elsewhere: there is a provider that neither reads the rest nor closes the connection.
  const request = { ...asked, model, abortSignal: leaving.signal, onError }
  return gatherTwo(streamText(request).textStream, () => leaving.abort())
}

/** The error is a part of the stream: not printed a second time. */
function onError() {}

/** The npm package `openai`. */
import OpenAI from 'openai'
import {
  endless,
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
  token,
  url,
  weather,
  withFake,
  wrongToken
} from './script.ts'

type Chat = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming

const { temperature, seed, num_predict } = options
const messages = [{ role: 'user' as const, content: prompt }]
const chat: Chat = { model: models.chat, messages, temperature, seed, max_tokens: num_predict }
const thinking: Chat = { ...chat, model: models.thinking, reasoning_effort: 'low' }
const tool = { name: 'get_weather', description: 'The weather in a city', parameters: weather }
const tools = [{ type: 'function' as const, function: tool }]
const completion = { model: models.chat, prompt, temperature, seed, max_tokens: num_predict }
const response = { model: models.chat, input: prompt, temperature, max_output_tokens: num_predict }
const unknown: Chat = { ...chat, model: models.unknown }
const client = clientWith({})

function clientWith(defaultHeaders: Record<string, string>, apiKey = token): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, defaultHeaders })
}

async function streamed(request: Chat, through = client): Promise<object> {
  const stream_options = { include_usage: true }
  return gather(await through.chat.completions.create({ ...request, stream: true, stream_options }))
}

/** The stream as the SDK puts it together. */
async function runner(): Promise<object> {
  const stream = client.chat.completions.stream({ ...chat, stream: true })
  return [await gather(stream), await stream.finalChatCompletion()]
}

async function leave(): Promise<object> {
  const stalling = clientWith(hold)
  const request = { ...chat, max_tokens: endless.num_predict, stream: true as const }
  const stream = await stalling.chat.completions.create(request)
  return gatherTwo(stream, () => stream.controller.abort())
}

function structured(): Promise<object> {
  const json_schema = { name: 'counted', schema: shape }
  return client.chat.completions.parse({ ...chat, response_format: { type: 'json_schema', json_schema } })
}

await play({
  models: () => client.models.list().then(({ data }) => data),
  'one model': () => client.models.retrieve(models.chat),
  chat: () => client.chat.completions.create(chat),
  'chat streamed': () => streamed(chat),
  'chat by a runner': runner,
  'chat with tools': () => client.chat.completions.create({ ...chat, tools }),
  'chat with tools streamed': () => streamed({ ...chat, tools }),
  'chat thinking': () => client.chat.completions.create(thinking),
  completions: () => client.completions.create(completion),
  'completions streamed': async () =>
    gather(await client.completions.create({ ...completion, stream: true })),
  responses: () => client.responses.create(response),
  'responses streamed': async () => gather(await client.responses.create({ ...response, stream: true })),
  'structured output': structured,
  embed: () => client.embeddings.create({ model: models.embedding, input: texts[0]! }),
  'embed many': () => client.embeddings.create({ model: models.embedding, input: texts }),
  cancel: leave,
  'unknown model': () => client.chat.completions.create(unknown),
  'unknown model streamed': () => streamed(unknown),
  'bad request': () => client.chat.completions.create({ ...chat, messages: [] }),
  ...withFake({
    'error in the stream': () =>
      streamed(chat, clientWith(fault('error_line', { after: 2, message: 'boom' }))),
    'stream without its end': () => streamed(chat, clientWith(fault('clean_end', { after: 2 })))
  }),
  'wrong token': () =>
    clientWith({}, wrongToken)
      .models.list()
      .then(({ data }) => data)
})

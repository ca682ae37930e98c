/** The npm package `@anthropic-ai/sdk`. */
import Anthropic from '@anthropic-ai/sdk'
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
  token,
  url,
  weather,
  withFake,
  wrongToken
} from './script.ts'

type Request = Anthropic.MessageCreateParamsNonStreaming

// The SDK no longer knows of it, Ollama does.
const still = { temperature: options.temperature }
const chat: Request = {
  ...still,
  model: models.chat,
  max_tokens: options.num_predict,
  messages: [{ role: 'user', content: prompt }]
}
const thinking: Request = {
  ...chat,
  model: models.thinking,
  thinking: { type: 'enabled', budget_tokens: options.num_predict }
}
const input_schema = { ...weather, type: 'object' as const }
const tools = [{ name: 'get_weather', description: 'The weather in a city', input_schema }]
const unknown: Request = { ...chat, model: models.unknown }
const client = clientWith({})

function clientWith(defaultHeaders: Record<string, string>, apiKey = token): Anthropic {
  return new Anthropic({ baseURL: url, apiKey, maxRetries: 0, defaultHeaders })
}

async function streamed(request: Request, through = client): Promise<object> {
  return gather(await through.messages.create({ ...request, stream: true }))
}

/** The stream as the SDK puts it together. */
async function runner(request: Request): Promise<object> {
  const stream = client.messages.stream(request)
  return [await gather(stream), await stream.finalMessage()]
}

async function leave(): Promise<object> {
  const stalling = clientWith(hold)
  const stream = await stalling.messages.create({ ...chat, max_tokens: endless.num_predict, stream: true })
  return gatherTwo(stream, () => stream.controller.abort())
}

await play({
  models: () => client.models.list().then(({ data }) => data),
  'one model': () => client.models.retrieve(models.chat),
  chat: () => client.messages.create(chat),
  'chat streamed': () => streamed(chat),
  'chat by a runner': () => runner(chat),
  'chat with tools': () => client.messages.create({ ...chat, tools }),
  'chat with tools streamed': () => runner({ ...chat, tools }),
  'chat thinking': () => client.messages.create(thinking),
  'chat thinking streamed': () => streamed(thinking),
  cancel: leave,
  'unknown model': () => client.messages.create(unknown),
  'unknown model streamed': () => streamed(unknown),
  'bad request': () => client.messages.create({ ...chat, messages: [] }),
  ...withFake({
    'error in the stream': () =>
      streamed(chat, clientWith(fault('error_line', { after: 2, message: 'boom' }))),
    'stream without its end': () => streamed(chat, clientWith(fault('clean_end', { after: 2 })))
  }),
  'wrong token': () => clientWith({}, wrongToken).messages.create(chat)
})

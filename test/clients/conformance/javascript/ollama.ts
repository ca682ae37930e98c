/** The npm package `ollama`. */
import { type ChatRequest, Ollama } from 'ollama'
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

const messages = [{ role: 'user', content: prompt }]
const chat = { model: models.chat, messages, options }
const generate = { model: models.chat, prompt, options }
const tool = {
  type: 'function',
  function: { name: 'get_weather', description: 'The weather in a city', parameters: weather }
}
const tools = [tool]
const unknown = { ...chat, model: models.unknown }
const client = clientWith({})

function clientWith(headers: Record<string, string>, key = token): Ollama {
  return new Ollama({ host: url, headers: { authorization: `Bearer ${key}`, ...headers } })
}

async function streamed(request: ChatRequest, through = client): Promise<object> {
  return gather(await through.chat({ ...request, stream: true }))
}

async function leave(): Promise<object> {
  const leaving = clientWith(hold)
  const stream = await leaving.chat({ ...chat, options: endless, stream: true })
  return gatherTwo(stream, () => leaving.abort())
}

async function manage(): Promise<object[]> {
  const pulled = await gather(await client.pull({ model: 'smollm2:135m', stream: true }))
  const created = await client.create({ model: 'mine', from: models.chat, system: 'Sing.' })
  const copied = await client.copy({ source: 'mine', destination: 'yours' })
  const pushed = await client.push({ model: 'yours' })
  return [pulled, created, copied, pushed, await client.delete({ model: 'mine' }), await client.list()]
}

await play({
  list: () => client.list(),
  show: () => client.show({ model: models.chat }),
  version: () => client.version(),
  embed: () => client.embed({ model: models.embedding, input: texts[0]! }),
  'embed many': () => client.embed({ model: models.embedding, input: texts }),
  // Of several models the order is that of their use, and foreman loads this one before anybody asks.
  ps: () => client.ps(),
  chat: () => client.chat(chat),
  'chat streamed': () => streamed(chat),
  'chat with tools': () => client.chat({ ...chat, tools }),
  'chat with tools streamed': () => streamed({ ...chat, tools }),
  'chat thinking': () => client.chat({ ...chat, model: models.thinking, think: true }),
  generate: () => client.generate(generate),
  'generate streamed': async () => gather(await client.generate({ ...generate, stream: true })),
  'structured output': () => client.chat({ ...chat, format: shape }),
  cancel: leave,
  'unknown model': () => client.chat(unknown),
  'unknown model streamed': () => streamed(unknown),
  'bad request': () => client.chat({ ...chat, think: true }),
  ...withFake({
    'error in the stream': () =>
      streamed(chat, clientWith(fault('error_line', { after: 2, message: 'boom' }))),
    'stream without its end': () => streamed(chat, clientWith(fault('clean_end', { after: 2 }))),
    manage
  }),
  'wrong token': () => clientWith({}, wrongToken).list()
})

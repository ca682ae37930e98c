/** The npm package `@langchain/ollama`. */
import { ChatOllama, Ollama, OllamaEmbeddings } from '@langchain/ollama'
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

const tool = {
  type: 'function',
  function: { name: 'get_weather', description: 'The weather in a city', parameters: weather }
}
const { temperature, seed, num_predict } = options
const chat = chatWith({})
const thinking = chatWith({ model: models.thinking, think: true })
const unknown = chatWith({ model: models.unknown })
const embeddings = new OllamaEmbeddings({ ...connection({}), model: models.embedding })
const llm = new Ollama({ ...connection({}), model: models.chat, temperature, seed, numPredict: num_predict })

function connection(headers, key = token) {
  return { baseUrl: url, maxRetries: 0, headers: { authorization: `Bearer ${key}`, ...headers } }
}

function chatWith(settings, headers = {}, key = token) {
  const model = { model: models.chat, temperature, seed, numPredict: num_predict }
  return new ChatOllama({ ...connection(headers, key), ...model, ...settings })
}

async function streamed(model) {
  return gather(await model.stream(prompt))
}

async function leave() {
  const leaving = new AbortController()
  const model = chatWith({ numPredict: endless.num_predict }, hold)
  return gatherTwo(await model.stream(prompt, { signal: leaving.signal }), () => leaving.abort())
}

await play({
  chat: () => chat.invoke(prompt),
  'chat streamed': () => streamed(chat),
  'chat with tools': () => chat.bindTools([tool]).invoke(prompt),
  'chat with tools streamed': () => streamed(chat.bindTools([tool])),
  'chat thinking': () => thinking.invoke(prompt),
  'chat thinking streamed': () => streamed(thinking),
  'chat batched': () => chat.batch([prompt, prompt]),
  generate: () => llm.invoke(prompt),
  'generate streamed': () => streamed(llm),
  'structured output': () => chat.withStructuredOutput({ title: 'counted', ...shape }).invoke(prompt),
  embed: () => embeddings.embedQuery(texts[0]),
  'embed many': () => embeddings.embedDocuments(texts),
  cancel: leave,
  'unknown model': () => unknown.invoke(prompt),
  'unknown model streamed': () => streamed(unknown),
  'bad request': () => chatWith({ think: true }).invoke(prompt),
  ...withFake({
    'error in the stream': () => streamed(chatWith({}, fault('error_line', { after: 2, message: 'boom' }))),
    'stream without its end': () => streamed(chatWith({}, fault('clean_end', { after: 2 })))
  }),
  'wrong token': () => chatWith({}, {}, wrongToken).invoke(prompt)
})

/** `/api/generate`, `/api/chat`, `/api/embed`, `/api/embeddings` where all goes well. */
import { type Case, post } from '../case.ts'

const generate = '/api/generate'
const chat = '/api/chat'
const ok = { status: 200 } as const
const say = [{ role: 'user', content: 'Good morning, how are you?' }]
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city',
    parameters: {
      type: 'object',
      required: ['city'],
      properties: { city: { type: 'string' }, days: { type: 'integer' } }
    }
  }
}
const address = { type: 'object', properties: { street: { type: 'string' } }, required: ['street'] }

/** The table. */
export const nativeCases: readonly Case[] = [
  post(generate, { model: 'llama3.2', prompt: 'why' }, { name: 'generate streams', ...ok }),
  post(generate, { model: 'llama3.2', prompt: 'why', stream: false }, { name: 'generate, whole', ...ok }),
  post(
    generate,
    { model: 'llama3.2', prompt: 'why', stream: false, options: { num_predict: 3, stop: ['tok2'] } },
    { name: 'generate with num_predict and stop', ...ok }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'why', options: { num_ctx: 8192, temperature: 0 } },
    { name: 'generate with a num_ctx of its own', ...ok }
  ),
  post(generate, { model: 'llama3.2', prompt: 'why', raw: true }, { name: 'generate raw', ...ok }),
  post(
    generate,
    { model: 'codellama:7b', prompt: 'def', suffix: 'end' },
    { name: 'generate with suffix', ...ok }
  ),
  post(
    generate,
    { model: 'gemma3:4b', prompt: 'what is it', images: [pixel] },
    { name: 'generate with an image', ...ok }
  ),
  post(generate, { model: 'qwen3:8b', prompt: 'why' }, { name: 'generate that thinks', ...ok }),
  post(
    generate,
    { model: 'qwen3:8b', prompt: 'why', think: false, stream: false },
    { name: 'generate without thinking', ...ok }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'why', logprobs: true, top_logprobs: 2 },
    { name: 'generate with logprobs', ...ok }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'why', format: 'json', stream: false },
    { name: 'generate in JSON', ...ok }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'why', _debug_render_only: true },
    { name: 'generate, rendered only', ...ok }
  ),
  post(generate, { model: 'llama3.2' }, { name: 'generate that only loads', ...ok }),
  post(generate, { model: 'llama3.2', keep_alive: 0 }, { name: 'generate that only unloads', ...ok }),
  post(chat, { model: 'llama3.2', messages: say }, { name: 'chat streams', ...ok }),
  post(chat, { model: 'llama3.2', messages: say, stream: false }, { name: 'chat, whole', ...ok }),
  post(
    chat,
    { model: 'LLAMA3.2:Latest', messages: say },
    { name: 'the spelling of the name comes back', ...ok }
  ),
  post(chat, { model: 'assistant', messages: say }, { name: 'another name on the same weights', ...ok }),
  post(
    chat,
    { model: 'llama3.2', messages: say, tools: [weather] },
    { name: 'tool calls on the last line', ...ok }
  ),
  post(
    chat,
    { model: 'qwen3:8b', messages: say, tools: [weather] },
    { name: 'tool calls in a chunk of their own', ...ok }
  ),
  post(
    chat,
    { model: 'qwen3:8b', messages: say, tools: [weather], stream: false },
    { name: 'tool calls, whole', ...ok }
  ),
  post(
    chat,
    {
      model: 'llama3.2',
      messages: [
        ...say,
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ function: { name: 'get_weather', arguments: { city: 'Bern' } } }]
        },
        { role: 'tool', tool_name: 'get_weather', content: '12 °C' }
      ],
      tools: [weather]
    },
    { name: 'an answer of a tool', ...ok }
  ),
  post(chat, { model: 'qwen3:8b', messages: say, think: 'high' }, { name: 'chat that thinks hard', ...ok }),
  post(
    chat,
    { model: 'gemma3:4b', messages: [{ ...say[0], images: [pixel] }], stream: false },
    { name: 'chat with an image', ...ok }
  ),
  post(
    chat,
    { model: 'gemma3:4b', messages: [{ ...say[0], images: ['QUJD'.repeat(2 * 1024 * 1024)] }] },
    { name: 'chat with an image of 8 MB', ...ok }
  ),
  post(
    chat,
    { model: 'llama3.2', messages: say, logprobs: true, top_logprobs: 1, stream: false },
    { name: 'chat with logprobs', ...ok }
  ),
  post(
    chat,
    { model: 'llama3.2', messages: say, format: address, stream: false },
    { name: 'chat with a schema', ...ok }
  ),
  post(chat, { model: 'llama3.2', messages: [] }, { name: 'chat that only loads', ...ok }),
  post(chat, { model: 'llama3.2', messages: [], keep_alive: 0 }, { name: 'chat that only unloads', ...ok }),
  ...[5, -1, 2.5, '1h30m', '0', '-1s', null].map(keep =>
    post(
      chat,
      { model: 'llama3.2', messages: say, keep_alive: keep, stream: false },
      { name: `keep_alive ${JSON.stringify(keep)} passes as it is`, ...ok }
    )
  ),
  post('/api/embed', { model: 'nomic-embed-text', input: 'one' }, { name: 'embed one', ...ok }),
  post(
    '/api/embed',
    { model: 'nomic-embed-text', input: ['one', 'two', 'drei ü'], dimensions: 8 },
    { name: 'embed three', ...ok }
  ),
  post('/api/embed', { model: 'nomic-embed-text', input: [] }, { name: 'embed that only loads', ...ok }),
  post(
    '/api/embeddings',
    { model: 'nomic-embed-text', prompt: 'one', keep_alive: '10m' },
    { name: 'embeddings', ...ok }
  ),
  post('/api/embeddings', { model: 'nomic-embed-text' }, { name: 'embeddings that only loads', ...ok })
]

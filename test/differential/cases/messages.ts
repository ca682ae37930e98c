/** The route that Anthropic's clients use. */
import { type Case, fault, post } from '../case.ts'

const path = '/v1/messages'
const ok = { status: 200 } as const
const request = { model: 'llama3.2', max_tokens: 64, messages: [{ role: 'user', content: 'Good morning' }] }
const tool = {
  name: 'add',
  input_schema: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }
}

/** The table. */
export const anthropicCases: readonly Case[] = [
  post(path, request, { name: 'a message, whole', ...ok }),
  post(path, { ...request, stream: true }, { name: 'a message streams', ...ok }),
  post(
    path,
    { ...request, stream: true },
    {
      name: 'a message with the fields of the SDK',
      ...ok,
      fields: [
        ['anthropic-version', '2023-06-01'],
        ['anthropic-beta', 'a'],
        ['anthropic-beta', 'b'],
        ['X-Stainless-Lang', 'js']
      ]
    }
  ),
  post(path, { ...request, system: 'Be brief.', tools: [tool] }, { name: 'a message with tools', ...ok }),
  post(
    path,
    { ...request, model: 'qwen3:8b', tools: [tool], stream: true },
    { name: 'a message with tools streams', ...ok }
  ),
  post(
    path,
    { ...request, model: 'qwen3:8b', thinking: { type: 'enabled', budget_tokens: 32 }, stream: true },
    { name: 'a message that thinks', ...ok }
  ),
  post(
    path,
    { ...request, stream: true },
    { name: 'a message without message_stop', ...ok, fields: [fault('error_line', { after: 2 })] }
  ),
  post(path, { ...request, max_tokens: 0 }, { name: 'no max_tokens', status: 400 }),
  post(path, { ...request, messages: [] }, { name: 'no messages', status: 400 }),
  post(path, { ...request, model: 'nobody' }, { name: 'no such model', status: 404 }),
  post(path, request, { name: 'an overloaded target', status: 503, fields: [fault('queue_full')] }),
  post('/v1/messages/count_tokens', request, { name: 'count_tokens is not there', status: 404, local: true })
]

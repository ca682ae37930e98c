/** Requests that a stricter server would refuse or read in another way. */
import type { Case } from '../case.ts'

const json = ['Content-Type', 'application/json'] as const
const body = '{"model":"llama3.2","messages":[{"role":"user","content":"a"}]}'
const chat = { method: 'POST', path: '/api/chat' } as const

/** The table. */
export const oddCases: readonly Case[] = [
  { ...chat, name: 'no content type', status: 200, body },
  {
    ...chat,
    name: 'a form, says the type',
    status: 200,
    fields: [['Content-Type', 'application/x-www-form-urlencoded']],
    body
  },
  { ...chat, name: 'a type that is no type', status: 200, fields: [['Content-Type', ';;json']], body },
  {
    ...chat,
    name: 'a type in UTF-16',
    status: 200,
    fields: [['Content-Type', 'application/json; charset=utf-16']],
    body
  },
  {
    ...chat,
    name: 'a body in chunks',
    status: 200,
    fields: [json],
    body: [body.slice(0, 20), body.slice(20)]
  },
  { ...chat, name: 'a path with percent signs', status: 404, path: '/api/%63hat', body },
  { ...chat, name: 'a query', status: 200, path: '/api/chat?trace=1&x=a%20b', fields: [json], body },
  {
    ...chat,
    name: 'fields in any case, repeated, unknown',
    status: 200,
    fields: [
      json,
      ['x-Custom-THING', '1'],
      ['X-Custom-Thing', '2'],
      ['User-Agent', 'test/1 (ünï)'],
      ['Accept', '*/*']
    ],
    body
  },
  { ...chat, name: 'Expect: 100-continue', status: 200, fields: [json, ['Expect', '100-continue']], body },
  {
    ...chat,
    name: 'what is not for the target',
    status: 200,
    fields: [
      json,
      ['Authorization', 'Bearer x'],
      ['Cookie', 'a=b'],
      ['X-Api-Key', 'k'],
      ['Accept-Encoding', 'gzip']
    ],
    body
  },
  { ...chat, name: 'keys in other cases', status: 200, body: body.replace('"model"', '"MoDeL"') },
  {
    ...chat,
    name: 'the model twice: the last one holds',
    status: 200,
    body: body.replace('{', '{"Model":"nobody","stream":true,')
  },
  {
    ...chat,
    name: 'the model twice: the last one is not there',
    status: 404,
    body: body.replace('}]}', '}],"MODEL":"nobody"}')
  },
  { ...chat, name: 'bytes after the body', status: 200, body: `${body}\n{"model":"nobody"} and more` },
  { ...chat, name: 'spaces before the body', status: 200, body: ` \r\n\t${body}` },
  {
    ...chat,
    name: 'escapes in keys and name',
    status: 200,
    body: body.replace('"model":"llama3.2"', '"mod\\u0065l":"ll\\u0061ma3.2"')
  },
  { ...chat, name: 'unknown keys', status: 200, body: body.replace('{', '{"nonsense":{"a":[1,2,{}]},') },
  {
    ...chat,
    name: 'line separators in the prompt',
    status: 200,
    body: body.replace('"a"', '"\u2028 \u0085 ü \ud83e\udd99"')
  },
  { ...chat, name: 'an empty body', status: 400, fields: [json] },
  { ...chat, name: 'an empty body with a length', status: 400, fields: [json, ['Content-Length', '0']] },
  { ...chat, name: 'JSON cut off', status: 400, fields: [json], body: body.slice(0, 30) },
  { ...chat, name: 'no JSON at all', status: 400, fields: [json], body: 'hello' },
  { ...chat, name: 'an array', status: 400, fields: [json], body: '[1]' },
  { ...chat, name: 'null', status: 400, fields: [json], body: 'null' },
  { ...chat, name: 'a model that is a number', status: 400, fields: [json], body: '{"model":1}' },
  {
    ...chat,
    name: 'messages that are an object',
    status: 400,
    fields: [json],
    body: '{"model":"llama3.2","messages":{}}'
  },
  {
    ...chat,
    name: 'stream that is a string',
    status: 400,
    fields: [json],
    body: '{"model":"llama3.2","stream":"no"}'
  },
  { method: 'POST', path: '/api/embed', name: 'embed with an empty body', status: 400 },
  { method: 'POST', path: '/api/generate', name: 'generate with JSON cut off', status: 400, body: '{"mod' },
  { method: 'POST', path: '/v1/chat/completions', name: 'completions with an empty body', status: 400 },
  {
    method: 'POST',
    path: '/v1/responses',
    name: 'responses with JSON cut off',
    status: 400,
    body: '{"model":'
  },
  { method: 'POST', path: '/v1/messages', name: 'messages with an empty body', status: 400 },
  { method: 'POST', path: '/api/pull', name: 'pull with an empty body', status: 400 }
]

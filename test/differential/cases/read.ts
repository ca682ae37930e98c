/** What is answered without a model, wrong methods included. */
import { type Case, post } from '../case.ts'

const ok = { status: 200 } as const

/** The table. `/api/ps` is not in it: foreman keeps models longer than a bare target does. */
export const readCases: readonly Case[] = [
  { name: 'GET /', ...ok, method: 'GET', path: '/' },
  { name: 'HEAD /', ...ok, method: 'HEAD', path: '/' },
  { name: 'GET /api/version', ...ok, method: 'GET', path: '/api/version' },
  { name: 'HEAD /api/version', ...ok, method: 'HEAD', path: '/api/version' },
  { name: 'GET /api/tags', ...ok, method: 'GET', path: '/api/tags' },
  { name: 'HEAD /api/tags', ...ok, method: 'HEAD', path: '/api/tags' },
  { name: 'GET /api/tags with a query', ...ok, method: 'GET', path: '/api/tags?a=1&b=%20x' },
  { name: 'GET /api/status', ...ok, method: 'GET', path: '/api/status' },
  post('/api/show', { model: 'llama3.2' }, { name: 'show', ...ok }),
  post('/api/show', { name: 'assistant', verbose: true }, { name: 'show by the old name, verbose', ...ok }),
  post('/api/show', { model: 'nobody' }, { name: 'show what is not there', status: 404 }),
  post('/api/show', {}, { name: 'show nothing', status: 400 }),
  { name: 'HEAD /api/ps', status: 405, method: 'HEAD', path: '/api/ps' },
  { name: 'POST /api/tags', status: 405, method: 'POST', path: '/api/tags', body: '{}' },
  { name: 'DELETE /', status: 405, method: 'DELETE', path: '/' },
  { name: 'GET /api/chat', status: 405, method: 'GET', path: '/api/chat' },
  { name: 'HEAD /api/generate', status: 405, method: 'HEAD', path: '/api/generate' },
  {
    name: 'PUT /api/embed with a body',
    status: 405,
    method: 'PUT',
    path: '/api/embed',
    body: '{"model":"x"}'
  },
  { name: 'GET /v1/chat/completions', status: 405, method: 'GET', path: '/v1/chat/completions' },
  { name: 'PATCH /api/delete', status: 405, method: 'PATCH', path: '/api/delete' },
  { name: 'OPTIONS /api/tags', status: 405, method: 'OPTIONS', path: '/api/tags' },
  { name: 'GET /api/nothing', status: 404, method: 'GET', path: '/api/nothing', local: true },
  { name: 'POST /v1/nothing', status: 404, method: 'POST', path: '/v1/nothing', body: '{}', local: true },
  { name: 'GET /api/tags/', status: 301, method: 'GET', path: '/api/tags/' },
  { name: 'POST /api/chat/?a=1', status: 307, method: 'POST', path: '/api/chat/?a=1', body: '{}' },
  { name: 'POST /v1/messages/', status: 307, method: 'POST', path: '/v1/messages/', body: '{}' },
  { name: 'POST /api/me', status: 401, method: 'POST', path: '/api/me' },
  { name: 'POST /api/signout', status: 401, method: 'POST', path: '/api/signout' },
  { name: 'DELETE /api/user/keys', status: 401, method: 'DELETE', path: `/api/user/keys/${'k'.repeat(120)}` },
  {
    name: 'GET model-recommendations',
    ...ok,
    method: 'GET',
    path: '/api/experimental/model-recommendations'
  },
  post('/api/experimental/web_search', { query: 'x' }, { name: 'web_search', status: 403 })
]

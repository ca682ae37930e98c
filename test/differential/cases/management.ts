/** What changes the models that are installed. The rows of a table build on one another. */
import { createHash } from 'node:crypto'
import { type Case, fault, post } from '../case.ts'

const ok = { status: 200 } as const
const weights = Buffer.from('GGUF'.repeat(1024 * 1024))
const digest = `sha256:${createHash('sha256').update(weights).digest('hex')}`
const json = ['Content-Type', 'application/json'] as const

/** The table. */
export const managementCases: readonly Case[] = [
  post('/api/pull', { model: 'smollm2:135m' }, { name: 'pull streams its progress', ...ok }),
  post('/api/pull', { name: 'all-minilm', stream: false }, { name: 'pull by the old name, whole', ...ok }),
  post('/api/pull', { model: 'nobody' }, { name: 'pull of what is not there', ...ok }),
  post('/api/pull', { model: 'nobody', stream: false }, { name: 'the same, whole', status: 500 }),
  post('/api/pull', { model: 'a b' }, { name: 'pull of an invalid name', status: 400 }),
  post(
    '/api/pull',
    { model: 'smollm2:135m' },
    { name: 'pull that fails midway', ...ok, fields: [fault('error_line')] }
  ),
  post('/api/create', { model: 'mine', from: 'llama3.2', system: 'Sing.' }, { name: 'create', ...ok }),
  post('/api/create', { model: 'none', stream: false }, { name: 'create from nothing', status: 400 }),
  post('/api/copy', { source: 'mine', destination: 'yours' }, { name: 'copy', ...ok }),
  post(
    '/api/copy',
    { source: 'nobody', destination: 'x' },
    { name: 'copy of what is not there', status: 404 }
  ),
  post(
    '/api/chat',
    { model: 'yours', messages: [{ role: 'user', content: 'a' }] },
    { name: 'chat with the copy', ...ok }
  ),
  post('/api/push', { model: 'mine' }, { name: 'push', ...ok }),
  post('/api/push', { name: 'nobody', stream: false }, { name: 'push of what is not there', status: 500 }),
  { name: 'delete', ...ok, method: 'DELETE', path: '/api/delete', fields: [json], body: '{"model":"mine"}' },
  { name: 'delete by the old name', ...ok, method: 'DELETE', path: '/api/delete', body: '{"name":"yours"}' },
  { name: 'delete again', status: 404, method: 'DELETE', path: '/api/delete', body: '{"model":"mine"}' },
  { name: 'delete without a body', status: 400, method: 'DELETE', path: '/api/delete' }
]

/** The table. */
export const blobCases: readonly Case[] = [
  { name: 'HEAD of what is not there', status: 404, method: 'HEAD', path: `/api/blobs/${digest}` },
  { name: 'up, 4 MB', status: 201, method: 'POST', path: `/api/blobs/${digest}`, body: weights },
  { name: 'up again', status: 200, method: 'POST', path: `/api/blobs/${digest}`, body: weights },
  { name: 'HEAD of what is there', status: 200, method: 'HEAD', path: `/api/blobs/${digest}` },
  {
    name: 'up in chunks, without a type',
    status: 201,
    method: 'POST',
    path: `/api/blobs/sha256:${createHash('sha256').update('one two').digest('hex')}`,
    body: ['one', ' ', 'two']
  },
  {
    name: 'up with another digest',
    status: 400,
    method: 'POST',
    path: `/api/blobs/sha256:${'0'.repeat(64)}`,
    fields: [['Content-Type', 'application/octet-stream']],
    body: 'not that'
  },
  { name: 'no digest at all', status: 400, method: 'POST', path: '/api/blobs/nonsense', body: 'x' },
  post(
    '/api/create',
    { model: 'fromblob', files: { 'a.gguf': digest } },
    { name: 'create from the blob', ...ok }
  )
]

/** Real clients with a token, and what they say without one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { startStage } from './stage.ts'

const said = [{ role: 'user' as const, content: 'count' }]
const answered = /^tok0 tok1/

function clientsOf(url: string, token: string) {
  const ollama = new Ollama({ host: url, headers: { Authorization: `Bearer ${token}` } })
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 })
  const anthropic = new Anthropic({ baseURL: url, apiKey: token, maxRetries: 0 })
  return {
    ollama: async (model: string) => (await ollama.chat({ model, messages: said })).message.content,
    openai: async (model: string) =>
      (await openai.chat.completions.create({ model, messages: said })).choices[0]!.message.content!,
    anthropic: async (model: string) => {
      const { content } = await anthropic.messages.create({ model, max_tokens: 99, messages: said })
      return content[0]!.type === 'text' ? content[0]!.text : ''
    }
  }
}

test('each client gets its answer with a token', async t => {
  const { url, issue } = await startStage(t)
  const { token } = await issue({ scopes: ['inference'] })
  for (const ask of Object.values(clientsOf(url, token))) assert.match(await ask('alpha'), answered)
})

test('each client says that it is not let in, what it may not do, and when to come again', async t => {
  const { url, issue } = await startStage(t)
  const jobsOnly = await issue({ scopes: ['jobs:read'] })
  const limited = await issue({ limits: { models: ['beta'] } })
  const busy = await issue({ limits: { requests_per_minute: 1 } })
  await fetch(`${url}/api/tags`, { headers: { 'x-api-key': busy.token } })
  for (const [token, message] of [
    ['wrong', /unauthorized/],
    [jobsOnly.token, /needs the scope inference/],
    [limited.token, /alpha/],
    [busy.token, /within a minute/]
  ] as const) {
    for (const [name, ask] of Object.entries(clientsOf(url, token))) {
      await assert.rejects(ask('alpha'), { message }, `${name} with ${token}`)
    }
  }
})

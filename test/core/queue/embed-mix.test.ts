/** Whatever comes in what order: the embedder is never evicted, and no two generations overlap. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../bench/scaled.ts'
import { startStage } from '../../plugins/jobs/stage.ts'

const embedder = 'embedder:latest'
const calls = 240
const clients = 8

test('a seeded mix of generations, swaps and embeddings beside them', async t => {
  const seed = Number(process.env.FOREMAN_TEST_SEED ?? Date.now())
  t.diagnostic(`seed ${seed}`)
  const next = seeded(seed)
  const models = [
    ...['a', 'b', 'c'].map(name => ({ name, token_delay_ms: 2, load_delay_ms: 5 })),
    { name: embedder, capabilities: ['embedding' as const], prompt_delay_ms: 1 }
  ]
  const { fake, url, submit, ended } = await startStage(t, { max_loaded: 2, models })
  await fake.waitFor('load', 1, { model: embedder })

  const embed = async () => {
    const body = JSON.stringify({ model: 'embedder', input: ['x', 'y'].slice(Math.floor(next() * 2)) })
    const { status } = await fetch(`${url}/api/embed`, { method: 'POST', body })
    assert.equal(status, 200)
  }
  const one = async () => {
    const model = 'abc'[Math.floor(next() * 3)]!
    const kind = next()
    if (kind < 0.6) return embed()
    if (kind < 0.8) return void (await submit({ model, prompt: 'x' }))
    if (kind < 0.9) return void (await submit({ model: 'embedder', input: ['later'] }))
    const { status } = await fetch(`${url}/api/generate`, {
      method: 'POST',
      body: JSON.stringify({ model, prompt: 'x', stream: false })
    })
    assert.equal(status, 200)
  }
  const client = async () => {
    for (let call = 0; call < calls / clients; call += 1) await one()
  }
  await Promise.all(Array.from({ length: clients }, client))
  // Its patience is the longest, so that all others have ended with it.
  for (const model of ['a', 'b', 'c', 'embedder']) {
    const last = await submit({
      model,
      prompt: 'x',
      input: 'x',
      kind: model === 'embedder' ? 'embed' : 'generate'
    })
    await ended(last.id)
  }

  const { events, loads_by_model: loads } = await fake.state()
  assert.equal(loads[embedder], 1)
  assert.deepEqual(
    events.filter(({ type, model }) => /evict|unload|crash/.test(type) && model === embedder),
    []
  )
  assert.equal(mostGenerations(events), 1)
})

/** Generations at the same time, embeddings left out. */
function mostGenerations(events: readonly { type: string; model?: string }[]): number {
  let [now, most] = [0, 0]
  for (const { type, model } of events) {
    if (model === embedder) continue
    if (type === 'generation_start') most = Math.max(most, ++now)
    if (type === 'generation_end') now -= 1
  }
  return most
}

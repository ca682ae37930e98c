/** A request for each code with which what jobs leave behind, or need, is refused. */
import type { Operation } from './description.ts'
import type { Refusal, Wrong } from './refusals.ts'
import { type Asked, pathOf, type Stage } from './stage.ts'
import { plain } from './successes.ts'

const about =
  (make: (stage: Stage) => Promise<string>): Refusal =>
  async (stage, operation) => ({
    asked: { method: operation.method, path: pathOf(operation, await make(stage)) }
  })

async function inUse(stage: Stage): Promise<string> {
  const id = await stage.artifact()
  const body = { prompt: 'hello', images: [{ artifact_id: id }] }
  await stage.job('queued', body)
  return id
}

async function inputGone(stage: Stage): Promise<string> {
  const upload = await stage.artifact()
  const id = await stage.job('canceled', { prompt: 'hello', images: [{ artifact_id: upload }] })
  await stage.send({ method: 'DELETE', path: `/artifacts/${upload}` })
  return id
}

async function signed(stage: Stage, operation: Operation, ttl_s: number): Promise<Asked> {
  const asked = await plain(stage, operation)
  const path = asked.path.replace('/content', '/sign')
  const { url } = await stage.made<{ url: string }>({ method: 'POST', path, body: { ttl_s } })
  return { ...asked, path: url }
}

async function expiredSignature(stage: Stage, operation: Operation): Promise<Wrong> {
  const asked = await signed(stage, operation, 1)
  // Times of addresses are whole seconds: it is over within one.
  while ((await stage.send(asked, '')).status === 200) await new Promise(resolve => setTimeout(resolve, 50))
  return { asked, token: '' }
}

/** By code. */
export const artifactRefusals: Readonly<Record<string, Refusal>> = {
  input_gone: about(inputGone),
  artifact_in_use: about(inUse),
  digest_mismatch: async (stage, operation) => ({
    asked: {
      ...(await plain(stage, operation)),
      body: `bytes ${Math.random()}`,
      headers: { 'repr-digest': `sha-256=:${'A'.repeat(43)}=:` }
    }
  }),
  invalid_signature: async (stage, operation) => {
    const asked = await signed(stage, operation, 60)
    return { asked: { ...asked, path: asked.path.replace('sig=', 'sig=x') }, token: '' }
  },
  signature_expired: expiredSignature
}

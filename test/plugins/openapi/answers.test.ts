/** What the description promises of requests that succeed is what a running foreman answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from './description.ts'
import { type Asked, Stage } from './stage.ts'
import { plain, successes, unreached } from './successes.ts'

/** Every example of a body, as a request. */
async function examplesOf(stage: Stage, operation: Operation): Promise<Asked[]> {
  const content = Object.entries(operation.requestBody?.content ?? {})
  const bodies = content.flatMap(([type, { examples = {} }]) =>
    Object.values(examples).map(({ value }) => ({ type, value }))
  )
  return Promise.all(
    bodies.map(async ({ type, value }) => ({
      ...(await plain(stage, operation)),
      headers: { 'content-type': type },
      body: typeof value === 'string' ? value : JSON.stringify(value)
    }))
  )
}

const goodOf = ({ answers }: Operation) => [...answers.keys()].filter(status => /^(101|[23])/.test(status))

test('every example works, and every answer that is promised comes as it is promised', async t => {
  const stage = await Stage.start(t)
  const { description } = stage
  const seen = new Set<string>()
  const send = async (operation: Operation, asked: Asked): Promise<string> => {
    const answer = await stage.send(asked)
    const name = `${operation.operationId} ${answer.status}`
    description.judge(operation, answer)
    seen.add(name)
    return name
  }

  await t.test('examples', async () => {
    let count = 0
    for (const operation of description.operations) {
      for (const asked of await examplesOf(stage, operation)) {
        assert.match(await send(operation, asked), / 2\d\d$/, `${operation.operationId}: ${asked.body}`)
        count += 1
      }
    }
    assert.ok(count >= 14)
  })

  await t.test('answers', async () => {
    for (const operation of description.operations) {
      for (const status of goodOf(operation)) {
        const name = `${operation.operationId} ${status}`
        const make = successes[name] ?? plain
        if (name in unreached || (make === plain && seen.has(name))) continue
        assert.equal(await send(operation, await make(stage, operation)), name)
        await stage.made({ method: 'POST', path: '/queue/resume' })
      }
    }
  })

  const promised = description.operations.flatMap(operation =>
    goodOf(operation).map(status => `${operation.operationId} ${status}`)
  )
  assert.deepEqual(promised.filter(name => !seen.has(name)).toSorted(), Object.keys(unreached).toSorted())
  assert.deepEqual(
    Object.keys(successes).filter(name => !promised.includes(name) && !name.endsWith(' 503')),
    []
  )
})

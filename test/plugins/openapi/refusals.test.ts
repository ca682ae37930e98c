/** What the description says that operations refuse, they refuse, in the shape it says; and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codesOf, type Operation } from './description.ts'
import { atOnce, others } from './other-stages.ts'
import { refusals } from './refusals.ts'
import { pathOf, Stage } from './stage.ts'
import { unprovoked } from './unprovoked.ts'

const own = ({ answers }: Operation) => [...new Set([...answers.values()].flatMap(codesOf))]

test('every code that is told of can be met, but for those that are named', async t => {
  const seen = new Set<string>()
  const stage = await Stage.start(t)
  const { operations } = stage.description
  const all = operations.flatMap(operation => own(operation).map(code => ({ operation, code })))
  const pairs = all.filter(({ operation, code }) => !isExcused(operation, code))
  const note = (at: Stage, operation: Operation, answer: Parameters<typeof at.description.judge>[1]) => {
    at.description.judge(at.description.named(operation.operationId), answer)
    const code = answer.headers['foreman-error-code']
    if (code !== undefined) seen.add(`${operation.operationId} ${code}`)
    return code
  }

  await t.test('by what is asked', async () => {
    for (const { operation, code } of pairs) {
      const wrong = await refusals[code]?.(stage, operation)
      if (wrong === undefined) continue
      const answer = await stage.send(wrong.asked, wrong.token)
      assert.equal(
        note(stage, operation, answer),
        code,
        `${operation.operationId}: ${answer.status} ${answer.body}`
      )
      if (code === 'draining') await stage.made({ method: 'POST', path: '/queue/resume' })
    }
  })

  for (const [code, other] of Object.entries(others)) {
    await t.test(`${code}: where foreman is in no state for it`, async t => {
      const some = pairs.filter(pair => pair.code === code).map(({ operation }) => operation)
      assert.ok(some.length > 0)
      await atOnce(some, await other(t), (at, operation, answer) =>
        assert.equal(
          note(at, operation, answer),
          code,
          `${operation.operationId}: ${answer.status} ${answer.body}`
        )
      )
    })
  }

  const missing = pairs
    .filter(({ operation, code }) => !seen.has(`${operation.operationId} ${code}`))
    .map(({ operation, code }) => `${operation.operationId} ${code}`)
  assert.deepEqual(missing, [], 'codes that are told of and never came')
  const told = new Set(all.map(({ operation, code }) => `${operation.operationId} ${code}`))
  const excused = unprovoked.flatMap(({ code, operations: some }) =>
    (some ?? []).map(name => `${name} ${code}`)
  )
  assert.deepEqual(
    excused.filter(name => !told.has(name)),
    [],
    'excuses for what is not told of'
  )
})

test('where callers are not told apart, pages of other sites are refused, and no token is asked for', async t => {
  const stage = await Stage.start(t, {}, false)
  const { description } = stage
  assert.deepEqual(description.document.components.securitySchemes, {})
  for (const operation of description.operations) {
    assert.deepEqual(operation.security, [])
    const headers = { origin: 'https://evil.example' }
    const answer = await stage.send({ method: operation.method, path: pathOf(operation, 'x'), headers })
    assert.equal(answer.headers['foreman-error-code'], 'foreign_page', operation.operationId)
    description.judge(operation, answer)
  }
})

function isExcused({ operationId }: Operation, code: string): boolean {
  return unprovoked.some(one => one.code === code && (one.operations?.includes(operationId) ?? true))
}

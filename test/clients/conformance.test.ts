/**
 * The clients that are npm packages of this repository come to the same directly and through foreman; and what finds
 * differences finds them.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { clients, node, ready } from './conformance/clients.ts'
import { compare, unlikeJobs } from './conformance/compare.ts'
import { differencesOf } from './conformance/differences.ts'
import { openWays } from './conformance/stage.ts'

for (const { name, script } of ready) {
  test(`${name}: directly and through foreman the same`, async t => {
    const { cases, differences } = await compare(node(script), await openWays(t))
    assert.deepEqual(differences, [])
    assert.ok(cases.length >= 15, cases.join())
  })
}

test('one letter that is changed on the way is found, in each answer that has it', async t => {
  const ways = await openWays(t, {}, target => startMeddler(t, target))
  const { differences } = await compare(node('ollama.ts'), ways)
  assert.deepEqual(
    differences.map(sentence => sentence.split(' is ')[0]),
    ['generate: outcome.response', 'generate streamed: outcome.chunks.7.response']
  )
  assert.match(differences[1]!, /is " tok7" directly, " tok8" through foreman$/)
})

test('a call that was no job, a job too many, and one that was not canceled are found', () => {
  const names = ['list', 'chat', 'cancel', 'unknown model', 'wrong token']
  assert.deepEqual(unlikeJobs(names, ['done', 'canceled'], 2), [])
  assert.deepEqual(unlikeJobs(names, ['done', 'done'], 2, true), [])
  assert.deepEqual(unlikeJobs(names, ['done', 'done', 'canceled'], 2), [
    '3 jobs, and 2 calls for a model directly'
  ])
  assert.deepEqual(unlikeJobs(names, ['canceled']), ['1 jobs for 2 cases that need one'])
  assert.deepEqual(unlikeJobs(names, ['done', 'done'], 2), ['0 jobs canceled, and 1 calls left'])
})

test('every client has a name of its own', () => {
  assert.equal(new Set(clients.map(({ name }) => name)).size, clients.length)
})

const refused = {
  case: 'wrong token',
  outcome: { error: { class: 'E', status: 401, message: 'unauthorized' } }
}

test('what time and chance decide is no difference, as long as it is there and looks as it should', () => {
  const said = (answer: object) => [{ case: 'chat', outcome: answer }]
  const first = {
    created_at: '2026-01-01T00:00:00.5Z',
    total_duration: 5,
    id: 'chatcmpl-1',
    'foreman-job-id': 'a'
  }
  const second = { created_at: '2026-01-01T00:00:01Z', total_duration: 77, id: 'chatcmpl-999' }
  assert.deepEqual(differencesOf(said(first), said(second)), [])
  for (const [field, value] of Object.entries({ created_at: 'soon', total_duration: '77', id: 'msg_1' })) {
    const [found] = differencesOf(said(first), said({ ...second, [field]: value }))
    assert.match(found!, new RegExp(`^chat: outcome\\.${field} is .* directly, .* through foreman$`))
  }
  const { id: _, ...without } = second
  assert.match(
    differencesOf(said(first), said(without))[0]!,
    /outcome\.id is .* directly, missing through foreman/
  )
})

test('an id that is one directly must be one through foreman', () => {
  const stream = (...ids: string[]) => [{ case: 'chat streamed', outcome: ids.map(id => ({ id })) }]
  assert.deepEqual(differencesOf(stream('msg_1', 'msg_1'), stream('msg_7', 'msg_7')), [])
  assert.match(
    differencesOf(stream('msg_1', 'msg_1'), stream('msg_7', 'msg_8'))[0]!,
    /^chat streamed: outcome\.1\.id/
  )
})

test('a call that is missing is a difference', () => {
  assert.match(differencesOf([refused], [])[0]!, /^cases: wrong token directly, {2}through foreman$/)
})

test('a wrong token is refused by foreman alone, in words', () => {
  const taken = { case: 'wrong token', outcome: { models: [] } }
  assert.deepEqual(differencesOf([taken], [refused]), [])
  assert.match(differencesOf([taken], [taken])[0]!, /foreman let it pass/)
  assert.match(differencesOf([refused], [refused])[0]!, /the target refused it/)
  for (const error of [
    { status: 403, message: 'unauthorized' },
    { status: 401, message: '' }
  ]) {
    const [found] = differencesOf([taken], [{ case: 'wrong token', outcome: { error } }])
    assert.match(found!, /no error of 401 with a readable text/)
  }
})

/** Passes everything on to `target` and back, but for one letter in the answers of one route. @returns its base URL */
async function startMeddler(t: TestContext, target: string): Promise<string> {
  const server = createServer((asked, answer) => passOn(asked, answer, target))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function passOn(asked: IncomingMessage, answer: ServerResponse, target: string): void {
  const { method, headers, url } = asked
  const passed = request(new URL(url!, target), { method, headers }, async given => {
    answer.writeHead(given.statusCode!, given.headers)
    if (url !== '/api/generate') given.pipe(answer)
    else answer.end((await text(given)).replace('tok7', 'tok8'))
  })
  answer.once('close', () => passed.destroy())
  passed.once('error', () => answer.destroy())
  asked.pipe(passed)
}

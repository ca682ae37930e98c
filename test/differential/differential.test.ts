/**
 * One request, made directly to the target and through foreman: whatever differs is a fault.
 *
 * Two targets that were started alike, so that what a row changes on one it changes on the other. Between foreman
 * and its own lies a tap: what foreman passed on is compared with what really came, to the byte.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import type { Case } from './case.ts'
import { blobCases, managementCases } from './cases/management.ts'
import { anthropicCases } from './cases/messages.ts'
import { nativeCases } from './cases/native.ts'
import { oddCases } from './cases/odd.ts'
import { openAiCases } from './cases/openai.ts'
import { readCases } from './cases/read.ts'
import { refusalCases } from './cases/refusals.ts'
import { streamCases } from './cases/streams.ts'
import { assertAlike, assertPassedOn, assertRequestPassedOn } from './compare.ts'
import { statusOf } from './message-reader.ts'
import { send } from './raw-client.ts'
import { marked, type Stage, sendThrough, setStage } from './stage.ts'

const tables: Readonly<Record<string, readonly Case[]>> = {
  'native inference': nativeCases,
  streams: streamCases,
  OpenAI: openAiCases,
  Anthropic: anthropicCases,
  reads: readCases,
  management: managementCases,
  blobs: blobCases,
  refusals: refusalCases,
  'odd requests': oddCases
}

/** The account routes and cloud models pass here, so that their answers can be compared too. */
const settings = {
  plugins: { passthrough: { allow: ['account', 'cloud'] } },
  keep_alive: { respect_clients: true }
}

test('every answer through foreman is the answer of the target', async t => {
  const direct = await startFakeOllama()
  t.after(() => direct.stop())
  const stage = await setStage(t, settings)
  for (const [title, cases] of Object.entries(tables)) {
    await t.test(title, async group => {
      for (const [index, row] of cases.entries()) {
        await group.test(row.name, () => compare(direct, stage, row, `${title} ${index}`))
      }
    })
  }
})

test('every row has a name of its own, and there are enough of them', () => {
  const names = Object.entries(tables).flatMap(([title, rows]) => rows.map(row => `${title}: ${row.name}`))
  assert.equal(new Set(names).size, names.length)
  assert.ok(names.length >= 90, `${names.length} rows`)
})

async function compare(direct: FakeOllama, stage: Stage, row: Case, mark: string): Promise<void> {
  const answer = await send(direct.url, marked(row, mark))
  const { received, exchange } = await sendThrough(stage, row, mark)
  assert.equal(statusOf(answer), row.status)
  assertAlike(answer, received)
  assert.equal(exchange === undefined, row.local === true, 'whether the target was asked')
  if (exchange === undefined) return
  assertRequestPassedOn(marked(row, mark), exchange)
  assertPassedOn(exchange.answer!, received)
}

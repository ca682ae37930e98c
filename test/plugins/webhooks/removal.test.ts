/** What is open for an endpoint that was taken away is cleared in steps, so that others have their turn. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fastify from 'fastify'
import { Dispatcher } from '../../../plugins/webhooks/dispatcher.ts'
import type { EndpointStore } from '../../../plugins/webhooks/endpoint-store.ts'
import type { Envelopes } from '../../../plugins/webhooks/envelope.ts'
import { openParts } from './parts.ts'

const gone = 'gone.example'
const stepSize = 500

test('a dispatcher that meets deliveries without their endpoint gives up no more than a step of them in one turn', async t => {
  const parts = openParts(t)
  const { db, tell } = parts
  const ids = db.transaction(() => Array.from({ length: 2 * stepSize + 1 }, () => tell(undefined, gone)))()
  db.prepare('UPDATE webhook_delivery SET once = 1 WHERE id = ?').run(ids[0])
  // As it is left behind by an endpoint.
  db.prepare('UPDATE webhook_receiver SET host = NULL').run()
  const inTurns = await retiredInTurns(t, parts, ids.length)
  assert.ok(Math.max(...inTurns) <= stepSize + 1, `${inTurns}`)
  const query = 'SELECT DISTINCT state, reason FROM webhook_delivery'
  assert.deepEqual(db.prepare(query).raw().all(), [['exhausted', 'endpoint_removed']])
})

/** Lets a dispatcher work until so many are given up. @returns how many were in each turn of the loop */
async function retiredInTurns(
  t: TestContext,
  { choice, outcomes }: ReturnType<typeof openParts>,
  expected: number
): Promise<number[]> {
  const inTurns = [0]
  let [left, sent] = [expected, 0]
  const dispatcher = new Dispatcher({
    rules: {
      concurrency: 32,
      schedule: [],
      circuitFailures: 10,
      circuitProbeMs: 60_000,
      disableAfterMs: 1e9
    },
    ...{ choice, outcomes, log: fastify().log },
    endpoints: {} as EndpointStore,
    envelopes: {} as Envelopes,
    send: async () => assert.fail(`${++sent} sent`),
    onAttempt: () => {},
    onRetired: (_state, count) => {
      inTurns.push(inTurns.pop()! + count)
      left -= count
    },
    onDisabled: () => {}
  })
  t.after(() => dispatcher.stop())
  dispatcher.start()
  while (left > 0) {
    await new Promise(resolve => setImmediate(resolve))
    inTurns.push(0)
  }
  return inTurns
}

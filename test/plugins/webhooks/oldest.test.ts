/** How long the oldest of what is to be delivered has been waiting: from when it was made, or asked for again. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Again } from '../../../plugins/webhooks/again.ts'
import { DeliveryLog } from '../../../plugins/webhooks/delivery-log.ts'
import { over } from '../../../plugins/webhooks/outcomes.ts'
import { openParts } from './parts.ts'

const dayMs = 86_400_000

function open(t: TestContext) {
  const parts = openParts(t)
  return { ...parts, log: new DeliveryLog(parts.db), again: new Again(parts.db, parts.receivers) }
}

test('what is sent again waits since it was asked for, and what waited before it for longer', t => {
  const { again, begin, clock, end, find, log, tell } = open(t)
  const id = tell(undefined, 'a.example')
  assert.equal(log.oldestOpen(), clock.now)
  end(begin()!, '2xx')
  assert.equal(log.oldestOpen(), undefined)
  clock.now += dayMs
  const waiting = clock.now
  tell(undefined, 'b.example')
  clock.now += dayMs
  again.redeliver(find(id), clock.now)
  assert.equal(log.oldestOpen(), waiting)
  end(begin()!, '2xx')
  assert.equal(log.oldestOpen(), clock.now)
  // A failure does not make it younger.
  const askedAt = clock.now
  clock.now += 1000
  end(begin()!, '5xx')
  assert.equal(log.oldestOpen(), askedAt)
  assert.ok(find(id).createdAt < askedAt, 'when it was made stays')
})

test('what was held waits since its replay', async t => {
  const { again, clock, db, find, log, outcomes, tell } = open(t)
  const id = tell(undefined, 'a.example')
  db.prepare("UPDATE webhook_delivery SET endpoint_id = 'whe_1'").run()
  outcomes.retire(find(id).receiverSeq, over('held'), clock.now)
  assert.equal(log.oldestOpen(), undefined)
  clock.now += dayMs
  const all = { since: 0, until: Number.MAX_SAFE_INTEGER, types: ['*'] }
  assert.equal(await again.replay({ ...all, endpointId: 'whe_1', state: 'exhausted' }, clock.now), 1)
  assert.equal(log.oldestOpen(), clock.now)
})

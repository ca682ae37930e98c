import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { EmbedShares } from '../../../core/queue/embed-shares.ts'
import { openBench } from '../jobs/fixtures.ts'

/** Shares of the lane `bypass` on a real store; `call` takes an attached embedding in. */
function open(t: TestContext) {
  const bench = openBench(t)
  const shares = new EmbedShares(bench.bus, 'bypass')
  const call = (owner: string) => bench.accept({ owner, lane: 'bypass', kind: 'embed', attached: true })
  const drain = () => {
    const owners: string[] = []
    for (let job = shares.first(); job !== undefined; job = shares.first()) {
      shares.take(job)
      owners.push(job.owner)
    }
    return owners.join('')
  }
  return { ...bench, shares, call, drain }
}

test('owners take turns, each with its oldest call first', t => {
  const { shares, call, drain } = open(t)
  for (const owner of 'aaaabbc') call(owner)
  assert.equal(shares.size, 7)
  assert.equal(drain(), 'abcabaa')
  assert.equal(shares.size, 0)
})

test('an owner that comes in waits behind those that wait, not behind all they sent', t => {
  const { shares, call } = open(t)
  for (const owner of 'aaaa') call(owner)
  shares.take(shares.first()!)
  call('b')
  const next = [shares.first()!]
  shares.take(next[0]!)
  next.push(shares.first()!)
  assert.deepEqual(
    next.map(job => job.owner),
    ['a', 'b']
  )
})

test('what ends in the queue is out, what comes back is in again, other lanes do not count', t => {
  const { shares, store, call, accept } = open(t)
  const job = call('a')
  accept({ owner: 'a', kind: 'embed' })
  assert.equal(shares.size, 1)
  const working = store.move(job, 'working')
  assert.equal(shares.size, 0)
  const again = store.move(working, 'queued')
  assert.equal(shares.first()?.id, job.id)
  store.move(again, 'canceled')
  assert.deepEqual([shares.size, shares.first()], [0, undefined])
})

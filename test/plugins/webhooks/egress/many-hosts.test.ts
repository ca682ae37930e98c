/** Receivers come and go: what was known of one is gone some seconds after the last event for it. */
import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Client } from 'undici'
import { Connection } from '../../../../plugins/webhooks/egress/connection.ts'
import { Deadline } from '../../../../plugins/webhooks/egress/deadline.ts'
import type { Sender } from '../../../../plugins/webhooks/egress/sender.ts'
import { answer, names, post, type Receiver, receiver, says, startSender } from './stage.ts'

const hosts = 2000
const atOnce = 32
/** What 200 bytes for each host would leave. */
const allowedBytes = hosts * 200

/** What there is one of for each event or connection. */
const kinds = [Connection, Client, Deadline, Resolver]
const alive = (kind: (typeof kinds)[number]) => queryObjects(kind, { format: 'count' })

test(`${hosts} hosts leave no connection and no memory behind`, { timeout: 1_200_000 }, async t => {
  const { server, lookup } = await names(t, () => ['127.0.0.1'])
  const to = await receiver(t, says(answer(200, 'ok')))
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`], lookup })
  await visit(sender, to, 'warm', 500)
  server.questions.length = 0
  const before = await usedBytes()
  const known = kinds.map(alive)
  const count = to.count
  await visit(sender, to, 'measured', hosts)
  // The only thing that remembers every host is the test's own name server.
  server.questions.length = 0
  assert.equal(to.count - count, hosts, 'each host had a connection of its own')
  const left = kinds.map(alive)
  for (const [at, kind] of kinds.entries()) {
    assert.ok(left[at]! <= known[at]! + 1, `${left[at]} of ${kind.name}, before it were ${known[at]}`)
  }
  const grown = (await await usedBytes()) - before
  t.diagnostic(`the heap grew by ${grown} bytes`)
  assert.ok(grown < allowedBytes, `the heap grew by ${grown} bytes`)
})

/** Sends one event to each of so many hosts, then waits until the receiver has no connection left. */
async function visit(sender: Sender, to: Receiver, label: string, many: number): Promise<void> {
  let next = 0
  let most = 0
  const work = async () => {
    while (next < many) {
      const got = await post(sender, `http://${label}-${next++}.example.com:${to.port}/`)
      assert.equal(got.outcome, '2xx', got.error ?? '')
      most = Math.max(most, sender.connections)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  assert.ok(most <= 64 + atOnce, `${most} connections were open at once`)
  await to.allClosed()
  // This end hears of the close a moment later, or earlier.
  while (sender.connections > 0) await setImmediate()
}

/** The least of some looks, since what is alive comes and goes; finalizers run in the turns between them. */
async function usedBytes(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < 10; look++) {
    collect()
    await setImmediate()
    least = Math.min(least, process.memoryUsage().heapUsed)
  }
  return least
}

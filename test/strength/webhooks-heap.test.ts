/**
 * Deliveries that fail leave nothing in memory, whatever the receivers answer. 2 880 of them; `FOREMAN_SOAK_WEBHOOKS=100000`
 * for the long run.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { FastifyInstance } from 'fastify'
import type { ReceiverName } from '../receiver-farm/start.ts'
import { handIn, makeEndpoint, settled, startWebhookRig } from './support/webhooks.ts'

/** None of them takes its time. */
const hostile: readonly ReceiverName[] = [
  ...(['redirecting', 'failing', 'missing', 'throttling_nonsense', 'self_signed'] as const),
  ...(['resetting_at_once', 'resetting_in_head', 'resetting_in_body', 'closing'] as const),
  ...(['huge_honest', 'huge_lying', 'huge_endless', 'gzip_bomb'] as const),
  ...(['speaking_ssh', 'garbage', 'endless_headers'] as const)
]
const events = ['job.queued', 'job.working', 'job.done']
const deliveries = Number(process.env.FOREMAN_SOAK_WEBHOOKS ?? 2880)
const jobs = Math.ceil(deliveries / (events.length * hostile.length))
const looks = 6
/** Above the noise of the collector; a kilobyte for each delivery of the measured half would be as much. */
const allowedBytes = Math.max(1.5e6, (deliveries / 2) * 200)

test(`memory is flat over ${deliveries} deliveries to ${hostile.length} hostile receivers`, {
  timeout: 120_000 + deliveries * 20
}, async t => {
  const { app, url, farm } = await startWebhookRig(t, {
    farm: { keep: false },
    // Each fails once, and no receiver is spared for it.
    webhooks: { retry_schedule_s: [], circuit_failures: 10_000 }
  })
  for (const name of hostile) await makeEndpoint(url, { url: farm.url(name), events })
  const before = await memoryOver(app, url)
  const after = await memoryOver(app, url)
  t.diagnostic(`after ${deliveries / 2} deliveries ${before} bytes, after ${deliveries} ${after}`)
  assert.ok(after - before < allowedBytes, `memory grew by ${after - before} bytes`)
  const attempts = app.db.prepare('SELECT count(*) FROM webhook_attempt').pluck().get()
  assert.equal(attempts, jobs * events.length * hostile.length)
  // At most four connections to each of them are kept.
  const sockets = process.getActiveResourcesInfo().filter(kind => /^(TCPSocket|TLS)Wrap$/.test(kind)).length
  assert.ok(sockets <= 4 * hostile.length + 10, `${sockets} sockets`)
})

/** Half of the jobs. @returns the least of several looks: what is alive comes and goes */
async function memoryOver(app: FastifyInstance, url: string): Promise<number> {
  const found: number[] = []
  for (let look = 0; look < looks / 2; look++) {
    const count = Math.ceil(jobs / looks)
    await handIn(url, Array(count).fill({ request: { model: 'alpha', prompt: 'hello' } }))
    await settled(app.db)
    found.push(memoryAfterCollection())
  }
  return Math.min(...found)
}

/** The heap, and the buffers that are held outside of it. */
function memoryAfterCollection(): number {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

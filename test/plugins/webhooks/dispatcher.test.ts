import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import fastify from 'fastify'
import { Choice } from '../../../plugins/webhooks/choice.ts'
import { Dispatcher } from '../../../plugins/webhooks/dispatcher.ts'
import type { EndpointStore } from '../../../plugins/webhooks/endpoint-store.ts'
import type { Envelopes } from '../../../plugins/webhooks/envelope.ts'
import { answerOf, openParts, type PartsBench } from './parts.ts'

/** Spends the time until something falls due, just after it was found that nothing is. */
class LateChoice extends Choice {
  override next(...args: Parameters<Choice['next']>): ReturnType<Choice['next']> {
    const due = super.next(...args)
    const at = due === undefined ? this.nextTime(args[0]) : undefined
    while (at !== undefined && Date.now() <= at) {}
    return due
  }
}

function dispatcherOf(
  t: TestContext,
  { db, receivers, outcomes }: PartsBench,
  sent: EventTarget
): Dispatcher {
  const dispatcher = new Dispatcher({
    rules: {
      concurrency: 32,
      schedule: [20],
      circuitFailures: 10,
      circuitProbeMs: 60_000,
      disableAfterMs: 1e9
    },
    choice: new LateChoice(db, receivers, 4),
    outcomes,
    // For the URL of a job there is no endpoint, and what is sent does not count here.
    endpoints: {} as EndpointStore,
    envelopes: { of: () => ({ url: '', headers: {}, body: '' }) } as unknown as Envelopes,
    send: async () => {
      sent.dispatchEvent(new Event('sent'))
      return answerOf('5xx')
    },
    log: fastify().log,
    onAttempt: () => {},
    onRetired: () => {},
    onDisabled: () => {}
  })
  t.after(() => dispatcher.stop())
  return dispatcher
}

test('what falls due between two looks at the clock is sent all the same', async t => {
  const parts = openParts(t)
  parts.clock.now = Date.now()
  parts.tell(parts.bench.accept(), 'a.example')
  const sent = new EventTarget()
  const first = once(sent, 'sent')
  dispatcherOf(t, parts, sent).start()
  await first
  await once(sent, 'sent', { signal: AbortSignal.timeout(5000) })
})

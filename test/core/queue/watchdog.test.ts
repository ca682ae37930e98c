import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type RunLimits, Watchdog } from '../../../core/queue/watchdog.ts'

const longMs = 60_000

interface Watched {
  readonly watchdog: Watchdog
  readonly codes: string[]
  /** The first limit that was broken, and how long after the start. */
  readonly first: Promise<{ code: string; afterMs: number }>
}

function watch(t: TestContext, limits: RunLimits): Watched {
  const codes: string[] = []
  const startedAt = performance.now()
  const { promise: first, resolve } = Promise.withResolvers<{ code: string; afterMs: number }>()
  const watchdog = new Watchdog(limits, ({ wireCode: code }) => {
    codes.push(code)
    resolve({ code, afterMs: performance.now() - startedAt })
  })
  t.after(() => watchdog.stop())
  return { watchdog, codes, first }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Bytes every 5 ms until `done`. */
async function feed(watchdog: Watchdog, done: () => boolean): Promise<void> {
  while (!done()) {
    watchdog.touch()
    await pause(5)
  }
}

test('a run that is too long ends with run_timeout, however much comes', async t => {
  const { watchdog, codes, first } = watch(t, { runMs: 60, firstByteMs: longMs, silenceMs: longMs })
  await feed(watchdog, () => codes.length > 0)
  const { code, afterMs } = await first
  assert.equal(code, 'run_timeout')
  assert.ok(afterMs >= 59, `after ${afterMs} ms`)
})

test('before the first byte the longer silence holds', async t => {
  const { first } = watch(t, { runMs: longMs, firstByteMs: 40, silenceMs: 5 })
  const { code, afterMs } = await first
  assert.equal(code, 'stalled')
  assert.ok(afterMs >= 39, `after ${afterMs} ms`)
})

test('after the first byte the shorter silence holds', async t => {
  const { watchdog, first } = watch(t, { runMs: longMs, firstByteMs: longMs, silenceMs: 20 })
  watchdog.touch()
  assert.equal((await first).code, 'stalled')
})

test('bytes that come in time keep the run going', async t => {
  const { watchdog, codes } = watch(t, { runMs: longMs, firstByteMs: longMs, silenceMs: 200 })
  const until = performance.now() + 500
  await feed(watchdog, () => performance.now() > until)
  assert.deepEqual(codes, [])
})

test('silence counts from the last byte', async t => {
  const { watchdog, codes, first } = watch(t, { runMs: longMs, firstByteMs: longMs, silenceMs: 100 })
  const until = performance.now() + 150
  await feed(watchdog, () => performance.now() > until)
  assert.deepEqual(codes, [])
  const { afterMs } = await first
  assert.ok(afterMs >= 240, `after ${afterMs} ms`)
})

test('without limits on silence only the run is watched', async t => {
  const { watchdog, first } = watch(t, { runMs: 30 })
  watchdog.touch()
  assert.equal((await first).code, 'run_timeout')
})

test('a stopped watchdog is silent, also when a byte comes after', async t => {
  const { watchdog, codes } = watch(t, { runMs: 20, firstByteMs: 10, silenceMs: 5 })
  watchdog.stop()
  watchdog.touch()
  await pause(40)
  assert.deepEqual(codes, [])
})

test('only one limit is told, also when a byte comes after it', async t => {
  const { watchdog, codes, first } = watch(t, { runMs: 20, firstByteMs: longMs, silenceMs: 5 })
  await first
  watchdog.touch()
  await pause(30)
  assert.deepEqual(codes, ['run_timeout'])
})

test('the error names the limit in seconds', async t => {
  const messages: string[] = []
  const limits = { runMs: 1500, firstByteMs: 20 }
  const broken = new Promise<void>(resolve => {
    const watchdog = new Watchdog(limits, error => resolve(void messages.push(error.message)))
    t.after(() => watchdog.stop())
  })
  await broken
  assert.match(messages[0]!, /0\.02 s/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParkedTake } from '../../../core/queue/parked-take.ts'

interface Task {
  readonly id: string
}

/** A store over a list, and what it answered and reported. */
function storeOver(waiting: Task[], next: () => Task | undefined = () => waiting.shift()) {
  const errors: unknown[] = []
  const answers: (string | undefined)[] = []
  const store = new ParkedTake<Task>(next, err => errors.push(err))
  const take = () => store.takeFirstN(1, (_err, lockId) => answers.push(lockId))
  return { store, take, answers, errors, waiting }
}

/** What a method answers its callback with; it must do so before it returns. */
function answerOf<T>(method: (cb: (err?: unknown, value?: T) => void) => void): [unknown, T | undefined] {
  let answer: [unknown, T | undefined] | undefined
  method((err, value) => {
    assert.equal(answer, undefined, 'answered once')
    answer = [err, value]
  })
  assert.ok(answer !== undefined, 'answered before the call returned')
  return answer
}

test('a take is answered at once where a task waits', () => {
  const { store, take, answers } = storeOver([{ id: 'a' }])
  take()
  assert.equal(answers.length, 1)
  assert.deepEqual(
    answerOf(cb => store.getLock(answers[0]!, cb)),
    [null, { a: { id: 'a' } }]
  )
})

test('a take without a task is kept, and answered by the offer that finds one', () => {
  const { store, take, answers, waiting } = storeOver([])
  take()
  store.offer()
  assert.deepEqual(answers, [])
  waiting.push({ id: 'a' })
  store.offer()
  assert.equal(answers.length, 1)
})

test('an offer without a take does nothing', () => {
  const { store, waiting } = storeOver([{ id: 'a' }])
  store.offer()
  assert.deepEqual(waiting, [{ id: 'a' }])
})

test('no second task is handed out before the first is released', () => {
  const { store, take, answers, waiting } = storeOver([{ id: 'a' }, { id: 'b' }])
  take()
  take()
  for (let n = 0; n < 10; n += 1) store.offer()
  assert.deepEqual([answers.length, waiting.length], [1, 1])
  assert.deepEqual(
    answerOf(cb => store.releaseLock(answers[0]!, cb)),
    [null, undefined]
  )
  store.offer()
  assert.deepEqual([answers.length, waiting.length], [2, 0])
})

test('a released lock is empty, and so is one that was never given', () => {
  const { store, take, answers } = storeOver([{ id: 'a' }])
  for (const id of ['', 'unknown'])
    assert.deepEqual(
      answerOf(cb => store.getLock(id, cb)),
      [null, {}]
    )
  take()
  store.releaseLock(answers[0]!, () => {})
  assert.deepEqual(
    answerOf(cb => store.getLock(answers[0]!, cb)),
    [null, {}]
  )
})

test('a look for tasks that throws is reported, and the take stays for the next offer', () => {
  let broken = true
  const { store, take, answers, errors } = storeOver([], () => {
    if (broken) throw new Error('disk')
    return { id: 'a' }
  })
  take()
  store.offer()
  assert.deepEqual([answers, errors.map(String)], [[], ['Error: disk', 'Error: disk']])
  broken = false
  store.offer()
  assert.equal(answers.length, 1)
})

test('an offer from within the look does not look twice at once', () => {
  let depth = 0
  let deepest = 0
  const { store, take, answers } = storeOver([], () => {
    depth += 1
    deepest = Math.max(deepest, depth)
    if (depth < 5) store.offer()
    depth -= 1
    return { id: 'a' }
  })
  take()
  assert.deepEqual([deepest, answers.length], [1, 1])
})

test('shutting answers the kept take with nothing, and no task is handed out any more', () => {
  const { store, take, answers, waiting } = storeOver([])
  take()
  store.shut()
  waiting.push({ id: 'a' })
  store.offer()
  take()
  store.shut()
  assert.deepEqual([answers, waiting.length], [['', ''], 1])
})

test('the rest of what the library asks for is answered as it needs it', () => {
  const { store } = storeOver([])
  const [, length] = answerOf<number>(cb => store.connect(cb))
  assert.ok(Number.parseInt(String(length), 10) > 1e8, 'it counts down and must not get to the bottom')
  assert.deepEqual(
    answerOf(cb => store.getRunningTasks(cb)),
    [null, {}]
  )
  assert.deepEqual(
    answerOf(cb => store.getTask('a', cb)),
    [null, undefined]
  )
  assert.ok(answerOf(cb => store.putTask('a', { id: 'a' }, undefined, cb))[0] instanceof Error)
  assert.ok(answerOf(cb => store.deleteTask('a', cb))[0] instanceof Error)
  assert.deepEqual(
    answerOf(cb => store.close(cb)),
    [null, undefined]
  )
})

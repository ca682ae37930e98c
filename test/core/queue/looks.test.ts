import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Looks } from '../../../core/queue/looks.ts'

/** Looks that end when they are told to, and what happened in its order. */
function open() {
  const told: string[] = []
  const ends: (() => void)[] = []
  const look = () => {
    told.push('begun')
    return new Promise<void>(resolve => ends.push(resolve))
  }
  const looks = new Looks(look, () => told.push(looks.going ? 'woken in a look' : 'woken'))
  return { looks, told, end: () => ends.shift()!() }
}

test('who asks during a look is told after one that began later, and all of them by one', async () => {
  const { looks, told, end } = open()
  const first = looks.ask().then(() => told.push('first'))
  assert.equal(looks.going, true)
  const later = [looks.ask(), looks.ask()].map(asked => asked.then(() => told.push('later')))
  await turn()
  assert.deepEqual(told, ['begun'])
  end()
  await first
  await turn()
  assert.deepEqual(told.toSorted(), ['begun', 'begun', 'first', 'woken'])
  end()
  await Promise.all(later)
  assert.deepEqual(told.slice(-3).toSorted(), ['later', 'later', 'woken'])
  assert.equal(looks.going, false)
})

test('what is asked for after a look begins one at once', async () => {
  const { looks, told, end } = open()
  for (const count of [1, 2]) {
    const asked = looks.ask()
    assert.equal(told.filter(what => what === 'begun').length, count)
    end()
    await asked
  }
})

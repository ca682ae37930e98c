/** How what foreman loaded is told from what others made of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ShownLoads } from '../../../core/queue/shown-loads.ts'
import type { Wanted } from '../../../core/queue/wanted.ts'
import type { LoadedModel } from '../../../core/target/residency.ts'

const weights: Readonly<Record<string, string>> = { alpha: 'w1', twin: 'w1', beta: 'w2' }

const shown = (name: string, contextLength?: number): LoadedModel =>
  ({ name, digest: `digest of ${name}`, contextLength }) as LoadedModel

const wanted = (name: string): Wanted =>
  ({ model: { weights: weights[name], digest: `digest of ${name}` } }) as Wanted

function look(loads: ShownLoads, ...models: LoadedModel[]): string[] {
  return loads.asRecorded(models, ({ name }) => weights[name]).map(({ digest }) => digest)
}

function loaded(name: string): ShownLoads {
  const loads = new ShownLoads()
  loads.begin()
  loads.end(wanted(name))
  return loads
}

test('what foreman did not load is passed on as it is', () => {
  assert.deepEqual(look(new ShownLoads(), shown('alpha', 4096)), ['digest of alpha'])
})

test('own weights have the digest that they were loaded by, under whatever name they are shown', () => {
  assert.deepEqual(look(loaded('alpha'), shown('twin', 4096), shown('beta')), [
    'digest of alpha',
    'digest of beta'
  ])
})

test('a context that changed is the load of somebody else', () => {
  const loads = loaded('alpha')
  assert.deepEqual(look(loads, shown('alpha', 4096)), ['digest of alpha'])
  assert.deepEqual(look(loads, shown('alpha', 8192)), [])
  assert.deepEqual(look(loads, shown('alpha', 4096)), ['digest of alpha'])
})

test('a load of its own begins anew', () => {
  const loads = loaded('alpha')
  look(loads, shown('alpha', 4096))
  loads.begin()
  loads.end(wanted('alpha'))
  assert.deepEqual(look(loads, shown('alpha', 8192)), ['digest of alpha'])
})

test('a server that tells no context changes none', () => {
  const loads = loaded('alpha')
  assert.deepEqual(look(loads, shown('alpha')), ['digest of alpha'])
  assert.deepEqual(look(loads, shown('alpha')), ['digest of alpha'])
})

test('in the middle of a load nothing is learned and nothing left out', () => {
  const loads = loaded('alpha')
  const before = loads.changes
  loads.begin()
  assert.deepEqual(look(loads, shown('alpha', 4096)), ['digest of alpha'])
  loads.end()
  assert.notEqual(loads.changes, before)
  assert.deepEqual(look(loads, shown('alpha', 8192)), ['digest of alpha'])
})

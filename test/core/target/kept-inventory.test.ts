import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { migrate } from '../../../core/database/migrate.ts'
import { Catalog } from '../../../core/target/catalog.ts'
import { KeptInventory } from '../../../core/target/kept-inventory.ts'
import { TargetVersion } from '../../../core/target/target-version.ts'
import { startFakeOllama } from '../../fake-ollama/start.ts'
import { temporaryDir } from '../../helpers/foreman.ts'
import { startClient } from './servers.ts'

const weights = 'e'.repeat(64)
const models = [{ name: 'a', weights, parameters: { num_ctx: 1024 } }, { name: 'b' }]

async function start(t: TestContext) {
  const fake = await startFakeOllama({ models })
  t.after(() => fake.kill())
  const db = new Database(join(temporaryDir(t), 'test.db'))
  t.after(() => db.close())
  migrate(db)
  const newCatalog = () => {
    const catalog = new Catalog(startClient(t, fake.url))
    t.after(() => catalog.close())
    return catalog
  }
  const changes = () => db.prepare('SELECT total_changes()').pluck().get() as number
  return { fake, db, newCatalog, changes }
}

test('a catalog that was kept and restored knows its models, weights and PARAMETERs too', async t => {
  const { db, newCatalog } = await start(t)
  const first = newCatalog()
  await first.refresh()
  new KeptInventory(db).keep(first, new TargetVersion('0.33.0'))
  const kept = new KeptInventory(db)
  const second = newCatalog()
  second.on('changed', () => assert.fail('nothing was told by the target'))
  kept.restore(second)
  assert.deepEqual(second.models(), first.models())
  assert.equal(second.peek('A')?.weights, `sha256:${weights}`)
  assert.deepEqual(second.peek('a')?.parameters, { num_ctx: 1024 })
  assert.deepEqual([second.answer, second.stale, kept.version], [first.answer, true, '0.33.0'])
})

test('the first poll after a restore is news, and asks for each model again', async t => {
  const { fake, db, newCatalog } = await start(t)
  const first = newCatalog()
  await first.refresh()
  new KeptInventory(db).keep(first, new TargetVersion())
  const second = newCatalog()
  new KeptInventory(db).restore(second)
  const news: string[] = []
  second.on('changed', ({ name, from, to }) => news.push(`${name} ${from?.digest === to?.digest}`))
  await second.refresh()
  assert.deepEqual(news.toSorted(), ['a:latest true', 'b:latest true'])
  assert.equal((await fake.state()).requests.filter(({ url }) => url === '/api/show').length, 4)
  assert.equal(second.stale, false)
})

test('what is known already is not written again; its time is when that is asked for', async t => {
  const { db, newCatalog, changes } = await start(t)
  const catalog = newCatalog()
  const kept = new KeptInventory(db)
  const version = new TargetVersion('1')
  await catalog.refresh()
  kept.keep(catalog, version)
  const written = changes()
  await catalog.refresh()
  kept.keep(catalog, version)
  assert.equal(changes(), written)
  kept.keep(catalog, version, { timesToo: true })
  assert.equal(changes(), written + 1)
  const restored = newCatalog()
  new KeptInventory(db).restore(restored)
  assert.deepEqual(restored.answer, catalog.answer)
})

test('before the first list there is nothing to keep, and nothing to restore', async t => {
  const { db, newCatalog } = await start(t)
  const catalog = newCatalog()
  new KeptInventory(db).keep(catalog, new TargetVersion('1'), { timesToo: true })
  const kept = new KeptInventory(db)
  kept.restore(catalog)
  assert.deepEqual([catalog.models(), catalog.answer, kept.version], [[], undefined, undefined])
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import { Embedder } from '../../../core/queue/embedder.ts'
import { chooseEmbedder } from '../../../core/queue/embedder-choice.ts'
import {
  type InstalledModel,
  readShow,
  readTags,
  toInstalledModel
} from '../../../core/target/inventory-entry.ts'
import { openDatabase } from '../jobs/fixtures.ts'

const minuteMs = 60_000

/** An installed model whose digest and weights are made of one letter each. */
function model(name: string, letter: string, capabilities = ['embedding'], weights = letter): InstalledModel {
  const [entry] = readTags({ models: [{ name, digest: letter.repeat(64), capabilities }] })!
  return toInstalledModel(
    entry!,
    readShow({ modelfile: `FROM /blobs/sha256-${weights.repeat(64)}`, capabilities })
  )
}

const nomic = model('nomic', 'a')
const llama = model('llama', 'b', ['completion'])
const listOf = (...models: InstalledModel[]) => ({
  models: () => models,
  peek: (name: string) => models.find(one => one.name === name)
})

/** An embedder of these models, told the list. */
function open(t: TestContext, models = [nomic, llama], named?: string) {
  const clock = { now: 1000 }
  const list = { models: [...models] }
  const warnings: string[] = []
  const log = Fastify().log
  log.warn = (...[, text]: unknown[]) => void warnings.push(String(text))
  const db = openDatabase(t)
  const embedder = new Embedder({
    ...{ db, named, log, now: () => clock.now, changed: () => {} },
    catalog: { models: () => list.models, peek: name => listOf(...list.models).peek(name) },
    retry: { backoffMs: 1000, factor: 2, jitter: 0, capMs: 4000 }
  })
  embedder.choose()
  return { embedder, clock, list, warnings, db }
}

const weightsOf = (one: InstalledModel) => one.weights.slice(0, 19)
const state = ({ embedder }: { embedder: Embedder }) => embedder.status.state

test('the only model that can only embed is chosen, names on the same weights counting once', () => {
  const wanted = (...models: InstalledModel[]) => {
    const choice = chooseEmbedder(listOf(...models))
    return 'reason' in choice ? choice.reason : choice.model.name
  }
  assert.equal(wanted(llama), 'no model is installed that can only embed')
  assert.equal(wanted(llama, nomic), 'nomic')
  assert.equal(wanted(nomic, model('copy', 'c', ['embedding'], 'a')), 'nomic')
  assert.match(wanted(nomic, model('minilm', 'd')), /^2 models .* embed\.model$/)
})

test('a model that is named is chosen whatever it can, and one that is missing is told', () => {
  assert.ok('model' in chooseEmbedder(listOf(nomic, llama), 'llama'))
  const missing = chooseEmbedder(listOf(nomic), 'other')
  assert.ok('reason' in missing && /'other' \(embed\.model\) is not installed/.test(missing.reason))
})

test('it is wanted until it is loaded, takes its runner in both states, and serves in one', t => {
  const open_ = open(t)
  const { embedder } = open_
  assert.deepEqual([state(open_), embedder.isDue(0), embedder.serves], ['wanted', true, false])
  assert.ok(embedder.takes(weightsOf(nomic)))
  embedder.warmed([nomic], [])
  assert.deepEqual([state(open_), embedder.isDue(0), embedder.serves], ['warm', false, true])
  assert.deepEqual([embedder.takes(weightsOf(nomic)), embedder.takes(weightsOf(llama))], [true, false])
  assert.ok(embedder.keeps(`${weightsOf(nomic)}+num_ctx=512`))
})

test('a look that does not show it makes it wanted again, a copy on its weights stands for it', t => {
  const copy = model('copy', 'c', ['embedding'], 'a')
  const open_ = open(t, [nomic, copy], 'nomic')
  open_.embedder.warmed([nomic], [])
  open_.embedder.looked([copy])
  assert.equal(state(open_), 'warm')
  open_.embedder.looked([llama])
  assert.equal(state(open_), 'wanted')
})

test('pushed out once it is loaded again, pushed out twice in a row it does not hold', t => {
  const open_ = open(t)
  const { embedder, warnings, clock, db } = open_
  embedder.warmed([nomic], [])
  embedder.loadedBeside(weightsOf(llama), [llama])
  assert.equal(state(open_), 'wanted')
  embedder.warmed([nomic], [llama])
  assert.equal(state(open_), 'does_not_hold')
  assert.equal(embedder.takes(weightsOf(nomic)), false)
  assert.equal(embedder.keeps(weightsOf(nomic)), false)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!, /OLLAMA_MAX_LOADED_MODELS=1.*memory/)
  assert.deepEqual(db.prepare('SELECT state, model FROM embedder').get(), {
    state: 'does_not_hold',
    model: 'nomic'
  })
  assert.equal(embedder.nextAt(clock.now), clock.now + 10 * minuteMs)
  assert.deepEqual([embedder.isDue(clock.now), embedder.isDue(clock.now + 10 * minuteMs)], [false, true])
})

test('two that stay together begin the count anew', t => {
  const open_ = open(t)
  const { embedder } = open_
  for (let round = 0; round < 3; round += 1) {
    embedder.warmed([nomic, llama], [llama])
    embedder.loadedBeside(weightsOf(llama), [llama])
    assert.equal(state(open_), 'wanted')
  }
})

test('tried again after ten minutes it needs to be pushed out only once, after a restart twice', t => {
  const open_ = open(t)
  const { embedder } = open_
  const fail = () => embedder.loadedBeside(weightsOf(llama), [llama])
  embedder.warmed([nomic], [])
  fail()
  embedder.warmed([nomic], [llama])
  embedder.warmed([nomic], [])
  fail()
  assert.equal(state(open_), 'does_not_hold')
  embedder.retry('the target was away')
  embedder.warmed([nomic], [])
  fail()
  assert.equal(state(open_), 'wanted')
})

test('one that cannot be loaded is held back, its jobs are the worker’s, and the log has it once', t => {
  const { embedder, clock, warnings } = open(t)
  embedder.failed(new Error('no room'))
  embedder.failed(new Error('no room'))
  assert.equal(warnings.length, 1)
  assert.deepEqual([embedder.isDue(clock.now), embedder.nextAt(clock.now)], [false, clock.now + 2000])
  assert.equal(embedder.takes(weightsOf(nomic)), false)
  assert.match(embedder.status.reason, /no room/)
  embedder.warmed([nomic], [])
  assert.ok(embedder.takes(weightsOf(nomic)))
})

test('jobs with load options of their own take its weights for as long as they are loaded', t => {
  const open_ = open(t)
  const { embedder, clock } = open_
  embedder.warmed([nomic], [])
  embedder.loadedBeside(`${weightsOf(nomic)}+num_ctx=512`)
  assert.equal(state(open_), 'does_not_hold')
  assert.equal(embedder.isDue(clock.now + 1e9), false)
  embedder.retry('the target was away')
  embedder.looked([nomic])
  assert.equal(state(open_), 'does_not_hold')
  embedder.loadedBeside(weightsOf(llama))
  assert.equal(state(open_), 'wanted')
})

test('another list chooses anew: other weights are loaded, and without a model there is none', t => {
  const open_ = open(t)
  const { embedder, list } = open_
  embedder.warmed([nomic], [])
  embedder.choose()
  assert.equal(state(open_), 'warm')
  list.models = [model('nomic', 'e'), llama]
  embedder.choose()
  assert.deepEqual([state(open_), embedder.takes(weightsOf(nomic))], ['wanted', false])
  list.models = [llama]
  embedder.choose()
  embedder.looked([])
  assert.deepEqual([state(open_), embedder.wanted], ['none', undefined])
})

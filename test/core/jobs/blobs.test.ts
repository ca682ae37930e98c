import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Blobs } from '../../../core/jobs/blobs.ts'
import { temporaryDir } from '../../helpers/foreman.ts'

const never = new AbortController().signal
const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')

/** Blobs in a directory of their own, and the digests that count as needed. */
function openBlobs(t: TestContext) {
  const dir = join(temporaryDir(t), 'blobs')
  const needed = new Set<string>()
  const blobs = new Blobs(dir, digest => needed.has(digest))
  const pathOf = (text: string) => join(dir, digestOf(text).slice(0, 2), digestOf(text))
  /** Writes a text, and counts it as needed from then on. */
  const keep = (text: string) => blobs.write([Buffer.from(text)], ({ digest }) => void needed.add(digest))
  return { dir, blobs, needed, pathOf, keep }
}

/** Every file below a directory. */
const filesIn = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())

test('a blob is a file of its digest, for its owner alone, there before its row is written', async t => {
  const { dir, blobs, needed, pathOf } = openBlobs(t)
  async function* pieces() {
    yield Buffer.from('hel')
    yield Buffer.from('lo')
  }
  const result = await blobs.write(pieces(), blob => {
    assert.equal(readFileSync(pathOf('hello'), 'utf8'), 'hello')
    needed.add(blob.digest)
    return blob
  })
  assert.deepEqual(result, { digest: digestOf('hello'), sizeBytes: 5 })
  assert.equal(statSync(pathOf('hello')).mode & 0o777, 0o600)
  for (const made of [dir, join(dir, 'incoming'), join(dir, result.digest.slice(0, 2))]) {
    assert.equal(statSync(made).mode & 0o777, 0o700, made)
  }
  assert.equal(filesIn(dir).length, 1)
})

test('a file that is there is kept, and written once for writers that come together', async t => {
  const { dir, keep, pathOf } = openBlobs(t)
  await keep('twice')
  const { ino } = statSync(pathOf('twice'))
  await Promise.all([keep('twice'), keep('twice'), keep('other')])
  assert.equal(statSync(pathOf('twice')).ino, ino)
  assert.equal(filesIn(dir).length, 2)
})

test('nothing stays of what could not be read, or was not recorded', async t => {
  const { dir, blobs, keep, needed } = openBlobs(t)
  async function* broken() {
    yield Buffer.from('begin')
    throw new Error('cut off')
  }
  await assert.rejects(
    blobs.write(broken(), () => assert.fail()),
    /cut off/
  )
  const refuse = () => {
    throw new Error('no room')
  }
  await assert.rejects(blobs.write([Buffer.from('unwanted')], refuse), /no room/)
  assert.deepEqual(filesIn(dir), [])
  await keep('wanted')
  await assert.rejects(blobs.write([Buffer.from('wanted')], refuse), /no room/)
  assert.equal(filesIn(dir).length, 1, 'a row points to it')
  assert.equal(needed.size, 1)
})

test('a file goes when no row needs it, and not from under one who is about to need it', async t => {
  const { blobs, needed, keep, pathOf } = openBlobs(t)
  await keep('text')
  const digest = digestOf('text')
  await blobs.removeUnneeded(digest)
  assert.ok(existsSync(pathOf('text')))
  for (let round = 0; round < 50; round++) {
    needed.delete(digest)
    // All at once: removals before, beside and after a writer.
    const removing = [blobs.removeUnneeded(digest), blobs.removeUnneeded(digest)]
    const writing = keep('text')
    await Promise.all([...removing, writing, blobs.removeUnneeded(digest)])
    assert.equal(readFileSync(pathOf('text'), 'utf8'), 'text')
  }
  needed.delete(digest)
  await blobs.removeUnneeded(digest)
  assert.ok(!existsSync(pathOf('text')))
})

test('what a dead process was writing is thrown away, and its orphans go when they are old enough', async t => {
  const { dir, needed, keep, pathOf } = openBlobs(t)
  await keep('kept')
  mkdirSync(join(dir, 'incoming'), { recursive: true })
  writeFileSync(join(dir, 'incoming', 'half'), 'half')
  for (const text of ['old', 'young']) {
    mkdirSync(join(dir, digestOf(text).slice(0, 2)), { recursive: true })
    writeFileSync(pathOf(text), text)
  }
  writeFileSync(join(dir, 'not-a-blob'), '')
  for (const text of ['old', 'kept']) utimesSync(pathOf(text), 1, 1)
  const blobs = new Blobs(dir, digest => needed.has(digest))
  assert.ok(!existsSync(join(dir, 'incoming')))
  await blobs.removeOrphans(Date.now() - 1000, never)
  assert.deepEqual(
    ['old', 'young', 'kept'].map(text => existsSync(pathOf(text))),
    [false, true, true]
  )
  await blobs.removeOrphans(Date.now() + 1000, AbortSignal.abort())
  assert.ok(existsSync(pathOf('young')), 'one that is stopped removes nothing')
  assert.ok(existsSync(join(dir, 'not-a-blob')))
})

test('a directory that is not there has no orphans', async t => {
  const { blobs, dir } = openBlobs(t)
  await blobs.removeOrphans(Date.now(), never)
  assert.ok(!existsSync(dir))
})

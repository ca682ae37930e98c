/** What is left when foreman dies, and what becomes of it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { spawnForeman, temporaryDir } from '../../helpers/foreman.ts'
import { reading } from '../../strength/support/invariants.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { mountSmallDisk } from '../../strength/support/small-disk.ts'
import { assertProblem, speaker } from '../jobs/stage.ts'
import { fetchBytes, upload } from './stage.ts'

/** @throws {AssertionError} unless files and rows agree: each row's file is whole, and each file has a row */
function assertAgree(dataDir: string): void {
  const rows = reading(dataDir, db =>
    db.prepare('SELECT DISTINCT digest FROM artifact WHERE body IS NULL ORDER BY digest').pluck().all()
  )
  const dir = join(dataDir, 'blobs')
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  assert.deepEqual(files.map(({ name }) => name).sort(), rows)
  for (const { parentPath, name } of files) {
    const hash = createHash('sha256').update(readFileSync(join(parentPath, name)))
    assert.equal(hash.digest('hex'), name)
  }
}

test('kill -9 in the middle of uploads: what was acknowledged is there, the rest is swept away', async t => {
  const fake = await startFake(t)
  const dataDir = temporaryDir(t)
  const first = await spawnForeman(t, { target: fake.url, dataDir, settings: withShortPauses() })
  const acknowledged: string[] = []
  const uploads = Array.from({ length: 12 }, async (_, n) => {
    const answer = await upload(first.url, Buffer.alloc(2_000_000, `upload ${n} `), {
      'content-type': 'text/plain'
    })
    acknowledged.push(answer.body.id)
    if (acknowledged.length === 3) await first.kill()
  })
  await Promise.allSettled(uploads)
  const orphan = join(dataDir, 'blobs', 'ab')
  mkdirSync(orphan, { recursive: true })
  writeFileSync(join(orphan, `ab${'0'.repeat(62)}`), 'left between file and row')
  for (const entry of readdirSync(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), 1, 1)
  }
  const changes = watch(orphan)[Symbol.asyncIterator]()
  const second = await spawnForeman(t, { target: fake.url, dataDir, settings: withShortPauses() })
  while (readdirSync(orphan).some(name => name.endsWith('0'.repeat(62)))) await changes.next()
  await changes.return!()
  for (const id of acknowledged) {
    const { status, headers, bytes } = await fetchBytes(`${second.url}/artifacts/${id}/content`)
    assert.equal(status, 200)
    const digest = createHash('sha256').update(bytes).digest('base64')
    assert.equal(headers.get('repr-digest'), `sha-256=:${digest}:`)
  }
  await second.kill('SIGTERM')
  assertAgree(dataDir)
})

test('a large answer is not lost on a full disk, and is stored once there is room', async t => {
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.skip('this user may not mount a tmpfs')
  const large = { name: 'alpha', fault: { kind: 'big_line' as const, size_bytes: 400_000 } }
  const fake = await startFake(t, { models: [large], token_delay_ms: 50, token_count: 40 })
  const foreman = await spawnForeman(t, {
    target: fake.url,
    dataDir: disk.dir,
    settings: withShortPauses({ queue: { min_free_bytes: 0 } })
  })
  const { submit, ended, ask } = speaker(foreman.url)
  await ask('POST', '/queue/pause')
  const { id } = await submit()
  disk.fill()
  assertProblem(await upload(foreman.url, Buffer.alloc(100_000, 'x')), 503, 'storage_low')
  disk.free()
  await ask('POST', '/queue/resume')
  await fake.waitFor('generation_start')
  disk.fill()
  await foreman.logged('a part of an answer cannot be stored', 2)
  disk.free()
  const { state, attempt, artifacts } = await ended(id)
  assert.deepEqual([state, attempt, artifacts.length], ['done', 1, 1])
  assert.equal((await fetchBytes(foreman.url + artifacts[0]!.url)).bytes.length, artifacts[0]!.size_bytes)
  assert.ok(existsSync(join(disk.dir, 'blobs')))
  await foreman.kill('SIGTERM')
  assertAgree(disk.dir)
})

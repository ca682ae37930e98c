/** A large upload and its way out again take no more memory than one of a third of its size. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ArtifactObject } from '../../../plugins/artifacts/schemas.ts'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'

const mebibyte = 1024 * 1024
const [smallMiB, largeMiB] = [64, 192]
/** A third of what is added: buffers on their way are gone before the collector minds them. */
const allowedBytes = 40 * mebibyte

test(`${largeMiB} MiB go in and come out in constant memory`, async t => {
  const fake = await startFake(t)
  const settings = { artifacts: { max_bytes_each: largeMiB * mebibyte } }
  const foreman = await spawnForeman(t, { target: fake.url, settings })
  await thereAndBack(foreman.url, smallMiB)
  const before = peakBytes(foreman.pid)
  await thereAndBack(foreman.url, largeMiB)
  const grown = peakBytes(foreman.pid) - before
  t.diagnostic(`the peak of its memory grew by ${Math.round(grown / mebibyte)} MiB`)
  assert.ok(grown < allowedBytes, `${grown} bytes more`)
})

/** Uploads and fetches so many bytes, which are held against each other and against the digests. */
async function thereAndBack(url: string, mebibytes: number): Promise<void> {
  const sent = createHash('sha256')
  async function* pieces() {
    for (let n = 0; n < mebibytes; n++) {
      const piece = Buffer.alloc(mebibyte, `piece ${n} of ${mebibytes} `)
      sent.update(piece)
      yield piece
    }
  }
  const init = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: pieces(), duplex: 'half' }
  const answer = await fetch(`${url}/artifacts`, init as unknown as RequestInit)
  const artifact = (await answer.json()) as ArtifactObject
  assert.deepEqual([answer.status, artifact.size_bytes], [201, mebibytes * mebibyte])
  const content = await fetch(url + artifact.urls.content)
  const back = createHash('sha256')
  for await (const chunk of content.body!) back.update(chunk)
  const hex = sent.digest('hex')
  assert.deepEqual([artifact.digest, back.digest('hex')], [`sha256:${hex}`, hex])
}

/** The most memory that a process ever had: proc(5), VmHWM. */
function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}

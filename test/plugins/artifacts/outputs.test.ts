import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ArtifactObject } from '../../../plugins/artifacts/schemas.ts'
import { assertProblem, type Stage, startStage } from '../jobs/stage.ts'
import { digestOf, fetchBytes, reprDigestOf } from './stage.ts'

type List = { data: ArtifactObject[] }

const blobExists = ({ dataDir }: Stage, digest: string) => {
  const hex = digest.slice('sha256:'.length)
  return existsSync(join(dataDir, 'blobs', hex.slice(0, 2), hex))
}

test('what a job made is its artifact completion, the same bytes as its result', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  const { result, artifacts, urls, expires_at } = await stage.ended(id)
  const [output, ...others] = artifacts
  assert.deepEqual(others, [])
  assert.equal(output!.url, `${urls.artifacts}/completion`)
  const { status, headers, bytes, body } = await fetchBytes(stage.url + output!.url)
  assert.deepEqual([status, body], [200, result])
  assert.deepEqual(
    [headers.get('content-type'), headers.get('content-disposition'), headers.get('etag')],
    ['application/json', 'inline', `"${output!.digest}"`]
  )
  assert.deepEqual([output!.digest, output!.size_bytes], [digestOf(bytes), bytes.length])
  const { data } = (await stage.ask<List>('GET', urls.artifacts)).body
  assert.equal(data.length, 1)
  const { name, role, job_id, content_type, size_bytes, digest } = data[0]!
  assert.deepEqual({ name, id: data[0]!.id, size_bytes, content_type, digest, url: output!.url }, output)
  assert.deepEqual([role, job_id, data[0]!.expires_at], ['output', id, expires_at])
  assert.deepEqual((await stage.ask('GET', data[0]!.urls.self)).body, data[0])
  const byId = await fetchBytes(stage.url + data[0]!.urls.content)
  assert.ok(byId.bytes.equals(bytes))
})

test('an answer above 256 KiB is fetched whole or in ranges, and not shown in the job', async t => {
  const stage = await startStage(t, { token_count: 40_000 })
  const { id } = await stage.submit()
  const { result, artifacts } = await stage.ended(id)
  assert.equal(result, null)
  const [output] = artifacts
  assert.ok(output!.size_bytes > 256 * 1024 && blobExists(stage, output!.digest))
  const whole = await fetchBytes<{ done: boolean; eval_count: number }>(stage.url + output!.url)
  assert.deepEqual([whole.body.done, whole.body.eval_count], [true, 40_000])
  assert.equal(digestOf(whole.bytes), output!.digest)
  const pieces: Buffer[] = []
  for (let at = 0; at < output!.size_bytes; at += 100_000) {
    const headers = { range: `bytes=${at}-${at + 99_999}` }
    const piece = await fetchBytes(stage.url + output!.url, { headers })
    assert.deepEqual([piece.status, piece.headers.get('repr-digest')], [206, reprDigestOf(whole.bytes)])
    pieces.push(piece.bytes)
  }
  assert.ok(Buffer.concat(pieces).equals(whole.bytes))
  const head = await fetchBytes(stage.url + output!.url, { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), String(output!.size_bytes))
  assert.equal((await stage.ask('DELETE', `/jobs/${id}`)).status, 204)
  assertProblem(await stage.ask('GET', output!.url), 410, 'job_data_removed')
  assertProblem(await stage.ask('GET', `/artifacts/${output!.id}`), 404, 'not_found')
  await stage.app.close()
  assert.ok(!blobExists(stage, output!.digest))
})

test('before the end there is nothing to fetch yet; what never was is not found', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const { id, urls } = await stage.submit()
  const early = await stage.ask('GET', `${urls.artifacts}/completion`)
  assertProblem(early, 409, 'job_not_finished')
  assert.ok(Number(early.headers.get('retry-after')) >= 1)
  assert.deepEqual((await stage.ask<List>('GET', urls.artifacts)).body, { data: [] })
  assertProblem(await stage.ask('GET', `${urls.artifacts}/other`), 404, 'not_found')
  await stage.ask('POST', `/jobs/${id}/cancel`)
  assertProblem(await stage.ask('GET', `${urls.artifacts}/completion`), 404, 'not_found')
  assertProblem(await stage.ask('GET', '/jobs/job_none/artifacts'), 404, 'not_found')
  assertProblem(await stage.ask('GET', '/jobs/job_none/artifacts/completion'), 404, 'not_found')
  await stage.ask('DELETE', `/jobs/${id}`)
  assertProblem(await stage.ask('GET', urls.artifacts), 410, 'job_data_removed')
})

test('a run that broke off leaves what came of it, marked', async t => {
  const faults = [{ kind: 'error_line' as const, path: '/api/chat', after: 3 }]
  const stage = await startStage(t, { faults })
  const { id } = await stage.submit({
    model: 'alpha',
    messages: [{ role: 'user', content: 'x' }],
    max_attempts: 1
  })
  const { state, artifacts, result } = await stage.ended(id)
  assert.equal(state, 'failed')
  const { body } = await fetchBytes<{ done: boolean }>(stage.url + artifacts[0]!.url)
  assert.equal(body.done, false)
  assert.deepEqual(body, result)
})

test('a cancel that comes while a large answer is written holds', async t => {
  const stage = await startStage(t, { token_count: 40_000 })
  const { blobs } = stage.app
  const write = blobs.write.bind(blobs)
  const writing = new Promise<() => void>(begun => {
    blobs.write = async (source, record) => {
      await new Promise<void>(goOn => begun(goOn))
      return write(source, record)
    }
  })
  const { id } = await stage.submit()
  const goOn = await writing
  const { status, body } = await stage.ask('POST', `/jobs/${id}/cancel`)
  assert.deepEqual([status, body.state], [202, 'canceling'])
  goOn()
  const { state, artifacts } = await stage.ended(id)
  assert.deepEqual([state, artifacts.length], ['canceled', 1])
  assert.ok(blobExists(stage, artifacts[0]!.digest))
})

test('an output may be deleted alone; the job stays', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  const { artifacts } = await stage.ended(id)
  assert.equal((await stage.ask('DELETE', `/artifacts/${artifacts[0]!.id}`)).status, 204)
  const { state, result, artifacts: left } = (await stage.ask('GET', `/jobs/${id}`)).body
  assert.deepEqual([state, result, left], ['done', null, []])
  assertProblem(await stage.ask('GET', artifacts[0]!.url), 404, 'not_found')
})

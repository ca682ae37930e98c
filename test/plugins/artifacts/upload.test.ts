import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LocalForeman } from '../../helpers/foreman.ts'
import { assertProblem, startStage } from '../jobs/stage.ts'
import { digestOf, fetchBytes, pixel, reprDigestOf, upload, uploadForm } from './stage.ts'

/** Names of all files among the blobs, those that are being written included. */
function blobsOf({ dataDir }: Pick<LocalForeman, 'dataDir'>): string[] {
  const entries = readdirSync(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => entry.name)
}

const dayMs = 86_400_000

test('bytes that are handed in are an artifact, and the same bytes again are the same one', async t => {
  const stage = await startStage(t)
  const headers = { 'content-type': 'image/png', 'content-disposition': 'attachment; filename="a b.png"' }
  const first = await upload(stage.url, pixel, headers)
  assert.equal(first.status, 201, first.text)
  const { id, urls, created_at, expires_at, ...facts } = first.body
  assert.match(id, /^art_[0-9a-z]{26}$/)
  assert.deepEqual(facts, {
    ...{ name: null, role: 'input', job_id: null, filename: 'a b.png', content_type: 'image/png' },
    ...{ digest: digestOf(pixel), size_bytes: pixel.length }
  })
  assert.equal(Date.parse(expires_at!) - Date.parse(created_at), dayMs)
  assert.deepEqual(urls, {
    self: `/artifacts/${id}`,
    content: `/artifacts/${id}/content`,
    sign: `/artifacts/${id}/sign`
  })
  assert.equal(first.headers.get('location'), urls.self)
  assert.deepEqual((await fetchBytes(stage.url + urls.self)).body, first.body)
  const again = await upload(stage.url, pixel, {})
  assert.deepEqual([again.status, again.body.id, again.headers.get('location')], [200, id, urls.self])
  assert.ok(Date.parse(again.body.expires_at!) >= Date.parse(expires_at!))
  assert.equal(again.body.content_type, 'image/png', 'it stays what it was')
  const [name, ...others] = blobsOf(stage)
  assert.deepEqual([`sha256:${name}`, others], [digestOf(pixel), []])
})

test('a form with a part named file does the same', async t => {
  const stage = await startStage(t)
  const file = new Blob([new Uint8Array(pixel)], { type: 'image/png' })
  const first = await uploadForm(stage.url, [
    ['note', 'x'.repeat(1000)],
    ['file', file, 'pixel.png'],
    ['later', 'y']
  ])
  assert.equal(first.status, 201, first.text)
  assert.deepEqual([first.body.filename, first.body.content_type], ['pixel.png', 'image/png'])
  assert.equal(first.body.digest, digestOf(pixel))
  for (const parts of [
    [['picture', file, 'x']],
    [['file', 'text']],
    [['__proto__', 'text']],
    []
  ] as Parameters<typeof uploadForm>[1][]) {
    const { status, text } = await uploadForm(stage.url, parts)
    assert.ok([400, 422].includes(status), text)
  }
  const broken = { 'content-type': 'multipart/form-data' }
  for (const headers of [broken, { 'content-type': 'multipart/form-data; boundary=x' }]) {
    const { status, text } = await upload(stage.url, Buffer.from('--y\r\n\r\n'), headers)
    assert.ok(status >= 400 && status < 500, text)
  }
  assert.equal(blobsOf(stage).length, 1)
})

test('a type is kept where the bytes agree', async t => {
  const { url } = await startStage(t)
  const utf16 = Buffer.from('\ufeffhello', 'utf16le')
  const cases: [type: string, bytes: Buffer, kept: string][] = [
    ['image/png', pixel, 'image/png'],
    ['IMAGE/PNG; q=1', Buffer.concat([pixel, Buffer.from('1')]), 'image/png'],
    ['image/jpg', Buffer.from('ffd8ffe000104a46494600', 'hex'), 'image/jpg'],
    ['image/png', Buffer.from('<!doctype html><script>alert(1)</script>'), 'application/octet-stream'],
    ['image/png', Buffer.from('GIF89a'), 'application/octet-stream'],
    ['image/webp', Buffer.from('RIFF\0\0\0\0WEBPVP8 '), 'image/webp'],
    ['text/html', Buffer.from('<html>'), 'text/html'],
    ['image/svg+xml', Buffer.from('<?xml version="1.0"?><svg/>'), 'image/svg+xml'],
    ['text/plain; charset=utf-8', Buffer.from('žluť '.repeat(2000)), 'text/plain'],
    ['text/plain', utf16, 'application/octet-stream'],
    ['application/json', Buffer.from('{}'), 'application/json'],
    ['application/json', Buffer.from([0, 1, 2]), 'application/octet-stream'],
    ['application/x-www-form-urlencoded', Buffer.from('a=b'), 'application/octet-stream'],
    ['application/octet-stream', Buffer.from('%PDF-1.7'), 'application/octet-stream']
  ]
  for (const [type, bytes, kept] of cases) {
    const { status, body, text } = await upload(url, bytes, { 'content-type': type })
    assert.deepEqual([status, body.content_type], [201, kept], `${type} ${text}`)
  }
})

test('names are what a person would call the file, and never a path', async t => {
  const { url } = await startStage(t)
  const cases: [disposition: string, name: string | null][] = [
    ['attachment; filename="../../etc/passwd"', 'passwd'],
    ['attachment; filename="C:\\\\temp\\\\x.txt"', 'x.txt'],
    ['attachment; filename="a\\"b.png"', 'a"b.png'],
    ["attachment; filename*=UTF-8''%E2%82%AC%20rates.txt", '€ rates.txt'],
    [Buffer.from('attachment; filename="žluť.txt"').toString('latin1'), 'žluť.txt'],
    ["attachment; filename*=UTF-8''a%0d%0aSet-Cookie:x%00%E2%80%AEgnp", 'aSet-Cookie:xgnp'],
    ['attachment; filename=".."', null],
    ['attachment; filename=""', null],
    ['attachment', null],
    [';;;=', null],
    [`attachment; filename="${'n'.repeat(5000)}"`, 'n'.repeat(255)]
  ]
  for (const [index, [disposition, name]] of cases.entries()) {
    const headers = { 'content-type': 'text/plain', 'content-disposition': disposition }
    const { status, body, text } = await upload(url, Buffer.from(`text ${index}`), headers)
    assert.deepEqual([status, body.filename], [201, name], text)
    const content = await fetchBytes(url + body.urls.content)
    assert.equal(content.status, 200, disposition)
    assert.match(content.headers.get('content-disposition')!, /^inline(; filename|$)/)
  }
})

test('a digest that was sent along must be that of the bytes', async t => {
  const stage = await startStage(t)
  const send = (digest: string) =>
    upload(stage.url, pixel, { 'content-type': 'image/png', 'repr-digest': digest })
  for (const wrong of [reprDigestOf(Buffer.from('x')), 'sha-256=:bm90IGE=:', 'sha-256=xyz', 'SHA-256=']) {
    assertProblem(await send(wrong), 422, 'digest_mismatch')
  }
  assert.deepEqual(blobsOf(stage), [])
  assert.equal((await send(`sha-512=:x:, ${reprDigestOf(pixel)}`)).status, 201)
  for (const ignored of ['unixsum=30637', '?', '']) assert.equal((await send(ignored)).status, 200)
})

test('too much at once, too much in all, and nothing at all are refused, and leave nothing', async t => {
  const artifacts = { max_bytes_each: 1000, max_bytes_total: 2500 }
  const stage = await startStage(t, {}, { artifacts })
  const bytes = (size: number, fill: string) => Buffer.alloc(size, fill)
  const stream = () =>
    fetchBytes(`${stage.url}/artifacts`, {
      method: 'POST',
      body: new Blob([new Uint8Array(bytes(1001, 'a'))]).stream(),
      duplex: 'half'
    } as RequestInit)
  const form = () => uploadForm(stage.url, [['file', new Blob(['a'.repeat(1001)]), 'a']])
  for (const send of [() => upload(stage.url, bytes(1001, 'a')), stream, form]) {
    assertProblem(await send(), 413, 'body_too_large')
  }
  assertProblem(await upload(stage.url, Buffer.alloc(0)), 422, 'validation_failed')
  assertProblem(await fetchBytes(`${stage.url}/artifacts`, { method: 'POST' }), 422, 'validation_failed')
  assertProblem(await uploadForm(stage.url, [['file', new Blob([]), 'a']]), 422, 'validation_failed')
  const gzip = { 'content-type': 'text/plain', 'content-encoding': 'gzip' }
  assertProblem(await upload(stage.url, bytes(10, 'a'), gzip), 415, 'unsupported_media_type')
  const [first] = [await upload(stage.url, bytes(1000, 'a')), await upload(stage.url, bytes(1000, 'b'))]
  assert.equal(first!.status, 201)
  assertProblem(await upload(stage.url, bytes(501, 'c')), 409, 'uploads_full')
  assert.equal(blobsOf(stage).length, 2)
  assert.equal((await upload(stage.url, bytes(1000, 'a'))).status, 200, 'what is there already is no more')
  await stage.ask('DELETE', `/artifacts/${first!.body.id}`)
  assert.equal((await upload(stage.url, bytes(501, 'c'))).status, 201)
})

test('an upload that is cut off leaves nothing', async t => {
  const stage = await startStage(t)
  await upload(stage.url, Buffer.from('first'))
  const incoming = join(stage.dataDir, 'blobs', 'incoming')
  const changes = watch(incoming)[Symbol.asyncIterator]()
  const socket = connect(Number(new URL(stage.url).port), '127.0.0.1')
  const head =
    'POST /artifacts HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000000\r\n\r\n'
  socket.write(head)
  await once(stage.app.server, 'request')
  socket.write(Buffer.alloc(100_000))
  while (readdirSync(incoming).length === 0) await changes.next()
  socket.destroy()
  while (readdirSync(incoming).length > 0) await changes.next()
  await changes.return!()
  assert.equal(stage.app.db.prepare('SELECT count(*) FROM artifact').pluck().get(), 1)
})

test('the bytes of an upload are on the disk as they were sent', async t => {
  const stage = await startStage(t)
  const bytes = Buffer.alloc(3_000_000, 'a long pattern of bytes ')
  const { body } = await upload(stage.url, bytes, { 'content-type': 'text/plain' })
  const hex = body.digest.slice('sha256:'.length)
  assert.ok(readFileSync(join(stage.dataDir, 'blobs', hex.slice(0, 2), hex)).equals(bytes))
  const content = await fetchBytes(stage.url + body.urls.content)
  assert.ok(content.bytes.equals(bytes))
  assert.equal(content.headers.get('repr-digest'), reprDigestOf(content.bytes))
})

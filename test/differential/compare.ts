/** What must be equal when one request is made directly and through foreman. */
import assert from 'node:assert/strict'
import type { HeaderField } from '../../core/target/headers.ts'
import type { Case } from './case.ts'
import { bodyOf, fieldValue, type HttpMessage, statusOf } from './message-reader.ts'
import { sentBody } from './raw-client.ts'
import type { Exchange } from './wiretap.ts'

/** The fields that belong to one connection, and foreman's own. */
const besidesTheAnswer = /^(connection|keep-alive|transfer-encoding|foreman-.*)$/i
/** What a request may lose or get on its way: framing, connection, and what is for foreman alone. */
const besidesTheRequest =
  /^(host|connection|content-length|transfer-encoding|expect|authorization|cookie|x-api-key|origin|prefer|accept-encoding|foreman-.*)$/i
/** Bodies above this may reach foreman in more than one portion a chunk. */
const portionBytes = 32 * 1024

/** foreman's answer is the one the target sent on the wire: status, fields in their order, every byte, every chunk. */
export function assertPassedOn(sent: HttpMessage, received: HttpMessage): void {
  assert.equal(received.startLine, sent.startLine)
  assert.deepEqual(without(received.fields, besidesTheAnswer), without(sent.fields, besidesTheAnswer))
  assert.equal(framingOf(received), framingOf(sent))
  assertSameBytes(bodyOf(received), bodyOf(sent))
  const [before, after] = [chunkEnds(sent), chunkEnds(received)]
  if (bodyOf(sent).length <= portionBytes) assert.deepEqual(after, before, 'chunk boundaries')
  else assert.deepEqual(new Set([...before, ...after]), new Set(after), 'a chunk boundary was lost')
}

/** The target got the request as the client sent it: line, fields in their order, every byte. */
export function assertRequestPassedOn(sent: Case, { request }: Exchange): void {
  assert.equal(request.startLine, `${sent.method} ${sent.path} HTTP/1.1`)
  assert.deepEqual(without(request.fields, besidesTheRequest), without(sent.fields ?? [], besidesTheRequest))
  assertSameBytes(bodyOf(request), sentBody(sent))
  const length = fieldValue(request.fields, 'content-length')
  if (length !== undefined) assert.equal(Number(length), sentBody(sent).length)
}

/** The answer is the one a client of the target itself gets, but for what the clock and the dice put in. */
export function assertAlike(direct: HttpMessage, received: HttpMessage): void {
  assert.equal(statusOf(received), statusOf(direct))
  assert.equal(framingOf(received), framingOf(direct))
  assert.deepEqual(comparable(received.fields), comparable(direct.fields))
  assert.equal(masked(bodyOf(received)), masked(bodyOf(direct)))
  assert.ok(fieldValue(received.fields, 'date'), 'an answer has a date')
}

/** Compares large bodies without printing them. */
function assertSameBytes(found: Buffer, expected: Buffer): void {
  if (found.equals(expected)) return
  assert.equal(found.toString('latin1').slice(0, 2000), expected.toString('latin1').slice(0, 2000))
  assert.fail(`bytes differ: ${found.length} for ${expected.length}`)
}

function without(fields: readonly HeaderField[], names: RegExp): HeaderField[] {
  return fields.filter(([name]) => !names.test(name))
}

/** Lower case and sorted: where foreman speaks for the target it uses another library. */
function comparable(fields: readonly HeaderField[]): string[] {
  const kept = without(fields, besidesTheAnswer).filter(([name]) => !/^(date|content-length)$/i.test(name))
  return kept.map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort()
}

function framingOf({ fields }: HttpMessage): string {
  const length = fieldValue(fields, 'content-length')
  return length === undefined ? (fieldValue(fields, 'transfer-encoding') ?? 'none') : 'length'
}

function chunkEnds({ chunks }: HttpMessage): number[] {
  let end = 0
  return chunks.map(chunk => {
    end += chunk.length
    return end
  })
}

function masked(body: Buffer): string {
  return body
    .toString('latin1')
    .replace(/("(?:created_at|modified_at|expires_at)":)"[^"]*"/g, '$1"T"')
    .replace(/("(?:\w+_duration|created|created_at|completed_at)":)\d+/g, '$1N')
    .replace(/"(chatcmpl|cmpl|resp|msg|req|rs|fc)[-_][0-9a-z_]+"/g, '"$1"')
}

/** Proves from system calls that what foreman told was on the disk before it was told. */
import assert from 'node:assert/strict'
import type { SystemCall } from './strace.ts'

/** What a trace must follow for these proofs. */
export const tracedCalls =
  'pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2'

const flushes = ['fsync', 'fdatasync']
const writes = ['write', 'writev', 'sendto', 'sendmsg']
const walFrameHeaderBytes = 24

/**
 * The row of `id` went into the write-ahead log, its commit was flushed, and only then a socket got `words`, an answer
 * or a part of one, with the id in it.
 * @returns when the row was first written
 * @throws {AssertionError} where that is not the order
 */
export function assertFlushedBeforeTold(calls: readonly SystemCall[], id: string, words: RegExp): number {
  const told = calls.find(
    ({ name, args }) =>
      writes.includes(name) && /^\d+<(socket|TCP)/.test(args) && args.includes(id) && words.test(args)
  )
  assert.ok(told, `no answer tells of ${id}`)
  const log = calls.filter(
    ({ name, args, failed }) => name === 'pwrite64' && isFile(args, /-wal$/) && !failed
  )
  const row = log.find(({ args }) => args.includes(id))
  assert.ok(row, `the log has nothing of ${id}`)
  const committed = log.find(call => call.begin >= row.begin && isCommit(call, log))
  assert.ok(committed, `no commit follows the row of ${id}`)
  const flushed = flushOf(calls, /-wal$/, committed.end)
  assert.ok(flushed !== undefined && flushed.end < told.begin, `${id} was told before its commit was flushed`)
  return row.begin
}

/**
 * The file of a blob was flushed, then renamed to its name, then that name was flushed, all before `rowAt`.
 * @throws {AssertionError} where that is not the order
 */
export function assertBlobBefore(calls: readonly SystemCall[], digest: string, rowAt: number): void {
  const renamed = calls.find(({ name, args }) => name.startsWith('rename') && args.includes(digest))
  assert.ok(renamed, `no file was renamed to ${digest}`)
  const temporary = /"([^"]*incoming[^"]*)"/.exec(renamed.args)![1]!
  const file = calls.find(({ name, args }) => flushes.includes(name) && args.includes(temporary))
  assert.ok(file !== undefined && file.end < renamed.begin, 'the file was renamed before it was flushed')
  const directory = flushOf(calls, new RegExp(`/blobs/${digest.slice(0, 2)}$`), renamed.end)
  assert.ok(
    directory !== undefined && directory.end < rowAt,
    'the row was written before the name was flushed'
  )
}

function flushOf(calls: readonly SystemCall[], path: RegExp, after: number): SystemCall | undefined {
  return calls.find(
    call => flushes.includes(call.name) && !call.failed && call.begin > after && isFile(call.args, path)
  )
}

function isFile(args: string, path: RegExp): boolean {
  return path.test(/^\d+<([^>]*)>/.exec(args)?.[1] ?? '')
}

/**
 * A page whose frame ends a transaction: the header written just before it has the size of the database in its second
 * word, which is zero in all other frames. Source: https://www.sqlite.org/fileformat.html#the_write_ahead_log
 */
function isCommit(page: SystemCall, log: readonly SystemCall[]): boolean {
  const header = bytesOf(log[log.indexOf(page) - 1]?.args ?? '')
  return header.length === walFrameHeaderBytes && header.readUInt32BE(4) !== 0
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', v: '\v', f: '\f' }

/** The bytes that a call wrote, as strace shows them: C escapes. */
function bytesOf(args: string): Buffer {
  const shown = /"((?:[^"\\]|\\.)*)"/.exec(args)?.[1] ?? ''
  const text = shown.replace(/\\([0-7]{1,3}|.)/g, (_all, word: string) =>
    /^[0-7]/.test(word) ? String.fromCharCode(Number.parseInt(word, 8)) : (escapes[word] ?? word)
  )
  return Buffer.from(text, 'latin1')
}

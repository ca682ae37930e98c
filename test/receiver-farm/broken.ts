/** Receivers that break the connection, the protocol, or the patience of who calls. They read no HTTP. */
import { randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Receiver, Yard } from './yard.ts'

const gigabyte = 2 ** 30
const piece = Buffer.alloc(64 * 1024, 'x')
const headEnd = '\r\n\r\n'
const ok = 'HTTP/1.1 200 OK\r\n'
const chunkBytes = `${piece.length.toString(16)}\r\n`
/** 10 MB that unpack to 10 GB. */
const bombRepeats = 1000

/** RST to whoever connects. */
export const resettingAtOnce: Receiver = onConnection(socket => socket.resetAndDestroy())

/** RST in the middle of the head of its answer. */
export const resettingInHead: Receiver = onRequest(socket => {
  socket.write(`${ok}content-le`, () => socket.resetAndDestroy())
})

/** RST in the middle of the body of a 200. */
export const resettingInBody: Receiver = onRequest(socket => {
  socket.write(`${ok}content-length: 1000${headEnd}half of`, () => socket.resetAndDestroy())
})

/** Ends the connection instead of an answer. */
export const closing: Receiver = onRequest(socket => socket.end())

/** Takes the connection and does not even read. */
export const deaf: Receiver = onConnection(socket => socket.pause())

/** 200 with 1 GB, as announced. */
export const hugeHonest: Receiver = onRequest(async socket => {
  socket.write(`${ok}content-length: ${gigabyte}${headEnd}`)
  await flood(
    socket,
    Array.from({ length: gigabyte / piece.length }, () => piece)
  )
})

/** 200 with ten bytes announced, and 1 GB behind them. */
export const hugeLying: Receiver = onRequest(async socket => {
  socket.write(`${ok}content-length: 10${headEnd}`)
  await flood(socket, endless(piece))
})

/** 200 with chunks that never end. */
export const hugeEndless: Receiver = onRequest(async socket => {
  socket.write(`${ok}transfer-encoding: chunked${headEnd}`)
  await flood(socket, endless(Buffer.concat([Buffer.from(chunkBytes), piece, Buffer.from('\r\n')])))
})

/** 200 with a packed body of 10 MB that unpacks to 10 GB. */
export const gzipBomb: Receiver = (name, yard) => {
  // Members of gzip can stand one behind the other (RFC 1952, section 2.2).
  const member = gzipSync(Buffer.alloc(10_000_000))
  const length = member.length * bombRepeats
  return onRequest(async socket => {
    const type = 'content-type: application/json\r\ncontent-encoding: gzip\r\n'
    socket.write(`${ok}${type}content-length: ${length}${headEnd}`)
    await flood(
      socket,
      Array.from({ length: bombRepeats }, () => member)
    )
  })(name, yard)
}

/** Greets as another protocol does. */
export const speakingSsh: Receiver = onConnection(socket => socket.resume().end('SSH-2.0-OpenSSH_9.9\r\n'))

/** Bytes without a meaning, and they do not end. */
export const garbage: Receiver = onRequest(socket => flood(socket, endless(randomBytes(64 * 1024))))

/** A head that does not end. */
export const endlessHeaders: Receiver = onRequest(async socket => {
  socket.write(ok)
  await flood(socket, endless(Buffer.from('x-more: and more\r\n'.repeat(1000))))
})

/** 103 again and again (RFC 8297), and never a final answer. */
export const informationalFlood: Receiver = onRequest(socket =>
  flood(socket, endless(Buffer.from(`HTTP/1.1 103 Early Hints\r\nlink: </x>${headEnd}`.repeat(100))))
)

/** Its head comes byte by byte, one each `trickle_ms`. */
export const tricklingHead: Receiver = onRequest((socket, { config }) => trickle(socket, ok, config))

/** A 200 at once, its body byte by byte, one each `trickle_ms`. */
export const tricklingBody: Receiver = onRequest(async (socket, { config }) => {
  socket.write(`${ok}content-length: ${gigabyte}${headEnd}`)
  await trickle(socket, 'a letter that takes its time', config)
})

type Deed = (socket: Socket, yard: Yard) => unknown

function onConnection(deed: Deed): Receiver {
  return (name, yard) =>
    createServer(socket => {
      yard.visits.add({ receiver: name }, yard.config.keep)
      void deed(socket, yard)
    })
}

/** When the first bytes of a request are there. What follows is read and thrown away. */
function onRequest(deed: Deed): Receiver {
  return (name, yard) =>
    createServer(socket => {
      socket.once('data', () => {
        yard.visits.add({ receiver: name }, yard.config.keep)
        void deed(socket, yard)
      })
      socket.resume()
    })
}

/** As fast as it is taken, until who calls has had enough. */
async function flood(socket: Socket, pieces: Iterable<Buffer>): Promise<void> {
  await pipeline(Readable.from(pieces), socket).catch(() => {})
}

function* endless(bytes: Buffer): Generator<Buffer> {
  for (;;) yield bytes
}

async function trickle(socket: Socket, text: string, { trickle_ms }: Yard['config']): Promise<void> {
  for (let at = 0; !socket.destroyed; at++) {
    socket.write(text[at % text.length]!)
    await sleep(trickle_ms, undefined, { ref: false })
  }
}

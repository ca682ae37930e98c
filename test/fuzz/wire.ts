/** Sends bytes on a connection of their own and reads what comes back. */
import { connect } from 'node:net'
import {
  answersNothing,
  bodyOf,
  type HttpMessage,
  MessageReader,
  statusOf
} from '../differential/message-reader.ts'

/** What came. */
export interface Reply {
  readonly status: number
  /** Names in lower case; of a repeated one the last. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The answer was still going on when the client left. */
  readonly cut: boolean
}

/** How long to listen. */
export interface Patience {
  /** After the last bytes of the answer, ms. */
  readonly silenceMs: number
  /** No more is sent after these bytes: what is missing of the body never comes. */
  readonly halfClose: boolean
}

/** @returns undefined where nothing came before the connection ended or patience did */
export async function exchange(
  url: string,
  method: string,
  bytes: Buffer,
  patience: Patience
): Promise<Reply | undefined> {
  const { port } = new URL(url)
  const reader = new MessageReader(startLine => answersNothing(startLine, method))
  // Half open, as a real client that has sent its request and still listens.
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  socket.setTimeout(patience.silenceMs, () => socket.destroy())
  socket.on('error', () => {})
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.on('data', data => {
    reader.push(data)
    if (answerIn(reader)?.complete) socket.destroy()
  })
  socket.on('end', () => socket.destroy())
  if (patience.halfClose) socket.end(bytes)
  else socket.write(bytes)
  await closed
  reader.end()
  const answer = answerIn(reader)
  return answer && replyOf(answer)
}

function answerIn({ messages }: MessageReader): HttpMessage | undefined {
  return messages.find(message => statusOf(message) >= 200)
}

function replyOf(message: HttpMessage): Reply {
  const headers = Object.fromEntries(message.fields.map(([name, value]) => [name.toLowerCase(), value]))
  return { status: statusOf(message), headers, body: bodyOf(message), cut: !message.complete }
}

/** Sends a request to the target at once, past the queue, and its answer back: bytes unchanged both ways. */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { explain } from '../../core/queue/failure.ts'
import type { TargetClient } from '../../core/target/client.ts'
import { ReplySink } from './reply-sink.ts'

/**
 * Forwards `request`; `body` where it was read already. A client that leaves takes the call with it. Where the target has no
 * answer, `otherwise` may give one, and says whether it did.
 */
export async function forward(
  target: TargetClient,
  request: FastifyRequest,
  reply: FastifyReply,
  body?: Buffer,
  otherwise: (sink: ReplySink) => boolean = () => false
): Promise<void> {
  const sink = new ReplySink(reply)
  const left = new AbortController()
  reply.raw.once('close', () => left.abort())
  const call = {
    method: request.method,
    path: request.url,
    headers: request.raw.rawHeaders,
    body: body ?? bodyOf(request.raw)
  }
  try {
    await target.call(call, sink, { lane: 'shared', signal: left.signal })
    sink.end()
  } catch (err) {
    if (left.signal.aborted) return
    const error = explain(err)
    request.log.warn({ err, code: error.wireCode }, 'a call could not be forwarded')
    if (reply.raw.headersSent || !otherwise(sink)) sink.fail(error)
  }
}

/** The body as it comes in, where the request has one. */
function bodyOf(raw: IncomingMessage): IncomingMessage | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = raw.headers
  return coding !== undefined || (length !== undefined && length !== '0') ? raw : undefined
}

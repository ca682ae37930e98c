/** When there is nobody left to answer. */
import type { FastifyReply } from 'fastify'

/** Aborts when the client has left before its answer, or with any of `others`. */
export function goneSignal({ raw }: FastifyReply, ...others: readonly AbortSignal[]): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  return others.length === 0 ? gone.signal : AbortSignal.any([gone.signal, ...others])
}

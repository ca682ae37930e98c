/** Tells of the next page in a header (RFC 8288). */
import type { FastifyReply } from 'fastify'

/** Sets `Link` to the same list, from `cursor` on. */
export function linkNext(reply: FastifyReply, path: string, query: object, cursor: string): void {
  const entries = Object.entries({ ...query, cursor }).map(([name, value]): [string, string] => [
    name,
    String(value)
  ])
  reply.header('link', `<${path}?${new URLSearchParams(entries)}>; rel="next"`)
}

/** A request for each code with which what stays open, or is read on, is refused. */
import type { Refusal } from './refusals.ts'
import { pathOf } from './stage.ts'
import { callOf, keptCall, plain, socketHeaders } from './successes.ts'

/** Asks for a socket, with something else than it should. */
const socketWith =
  (headers: Record<string, string>): Refusal =>
  async (stage, operation) => ({
    asked: { ...(await plain(stage, operation)), headers: { ...socketHeaders, ...headers } }
  })

/** By code. */
export const streamRefusals: Readonly<Record<string, Refusal>> = {
  upgrade_required: async (stage, operation) => ({ asked: await plain(stage, operation) }),
  subprotocol_required: socketWith({ 'sec-websocket-protocol': 'chat' }),
  foreign_page: socketWith({ origin: 'https://evil.example' }),
  invalid_event_id: async (stage, operation) => {
    const asked = await plain(stage, operation)
    const headers = { accept: 'text/event-stream', 'last-event-id': 'nonsense' }
    const body = operation.method === 'POST' ? callOf(asked.path) : undefined
    return { asked: { ...asked, headers, body } }
  },
  range_not_satisfiable: async (stage, operation) => {
    const { method, path } = operation
    if (path.endsWith('/stream'))
      return { asked: { method, path: `${pathOf(operation, await keptCall(stage))}?offset=99999` } }
    return { asked: { ...(await plain(stage, operation)), headers: { range: 'bytes=99999-' } } }
  },
  stream_not_kept: async (stage, operation) => ({ asked: await plain(stage, operation) })
}

/**
 * The faults that answer in place of the route.
 */
import { pause } from '../pause.ts'
import { QueueFullError } from '../scheduler/scheduler.ts'
import { type Call, HttpError } from './call.ts'

/** The fault has answered; nothing is left to do. */
export class FaultDone extends Error {}

const NESTED =
  '{"error":{"code":400,"message":"request exceeds the available context size","type":"exceed_context_size_error"}}'
const HTML =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n'

/** Lets those faults strike. @throws {FaultDone} when one has answered, {HttpError} when one refuses. */
export async function strikeEarly(call: Call): Promise<void> {
  if (!call.faults.any) return
  const slow = call.faults.of('slow_headers')
  if (slow !== undefined) await pause(slow.for_ms ?? Infinity, call.signal)
  const fault = call.faults.of('status', 'html', 'empty', 'queue_full', 'nested_error', 'accept_close')
  if (fault === undefined) return
  if (fault.kind === 'queue_full') throw new HttpError(503, new QueueFullError().message)
  if (fault.kind === 'nested_error') throw new HttpError(400, fault.message ?? NESTED)
  if (fault.kind === 'status') throw new HttpError(fault.status ?? 500, fault.message ?? 'fault injected')
  if (fault.kind === 'accept_close') call.wire.cut(false)
  else if (fault.kind === 'html') call.wire.reply(fault.status ?? 502, 'text/html', HTML)
  else call.wire.reply(fault.status ?? 503, undefined)
  throw new FaultDone()
}

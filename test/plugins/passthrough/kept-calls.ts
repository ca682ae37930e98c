/** Calls whose answers are kept, and requests for those. */
import { bodyOf, fieldValue, type HttpMessage } from '../../differential/message-reader.ts'
import { begin, type RawRequest } from '../../differential/raw-client.ts'
import { nextIn, type Stage } from './stage.ts'

/** The header that lets a call go on without its caller. */
export const goOn = ['Foreman-On-Disconnect', 'continue'] as const

/** Asks for the kept answer of a job. */
export const streamOf = (id: string, offset?: number | string): RawRequest => ({
  method: 'GET',
  path: `/jobs/${id}/stream${offset === undefined ? '' : `?offset=${offset}`}`
})

/** The whole answer, or what came of it before the connection was cut. */
export async function read(stage: Stage, request: RawRequest): Promise<HttpMessage> {
  const exchange = begin(stage.url, request)
  await exchange.until(answer => answer.complete).catch(() => {})
  exchange.leave()
  return exchange.answer()!
}

/** Sends a call that goes on and waits until its job has ended. */
export async function call(stage: Stage, request: RawRequest): Promise<{ answer: HttpMessage; id: string }> {
  const ended = Promise.race([nextIn(stage, 'done'), nextIn(stage, 'failed')])
  const answer = await read(stage, request)
  const { id } = await ended
  return { answer, id }
}

/** The code of what foreman refuses. */
export const codeOf = ({ fields }: HttpMessage) => fieldValue(fields, 'foreman-error-code')
/** The body, parsed. */
export const problem = (answer: HttpMessage) => JSON.parse(String(bodyOf(answer)))

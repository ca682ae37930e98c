/** One call and when each piece of its answer came, seen at undici's dispatcher so that the client costs little. */
import type { Dispatcher } from 'undici'

/** What to send: POST, JSON. */
export interface Call {
  readonly path: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What came back. Times as `performance.now()`. */
export interface Answer {
  status: number
  readonly sentAt: number
  endedAt: number
  readonly chunks: { readonly at: number; readonly bytes: Buffer }[]
}

/** A chat call; not streamed unless asked for. */
export function chatCall(model: string, { stream = false, headers = {}, tokens = 1 } = {}): Call {
  const options = { num_predict: tokens }
  const messages = [{ role: 'user', content: 'Why is the sky blue?' }]
  return { path: '/api/chat', body: JSON.stringify({ model, messages, stream, options }), headers }
}

/** Sends `call`. Rejects where the connection fails; any status is an answer. */
export function send(connection: Dispatcher, { path, body, headers }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const answer: Answer = { status: 0, sentAt: performance.now(), endedAt: 0, chunks: [] }
    const all = { 'content-type': 'application/json', ...headers }
    connection.dispatch(
      { method: 'POST', path, body, headers: all },
      {
        onRequestStart() {},
        onResponseStart(_controller, status) {
          answer.status = status
        },
        onResponseData(_controller, chunk) {
          answer.chunks.push({ at: performance.now(), bytes: chunk })
        },
        onResponseEnd() {
          answer.endedAt = performance.now()
          resolve(answer)
        },
        onResponseError(_controller, err) {
          reject(err)
        }
      }
    )
  })
}

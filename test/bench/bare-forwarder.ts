/**
 * The least that a forwarder written with Fastify and undici does: body read as bytes, passed on, answer passed back
 * chunk by chunk. No queue, no record, no care for anything that goes wrong. What foreman adds is held against it.
 *
 *   node test/bench/bare-forwarder.ts http://127.0.0.1:11434
 *
 * Of two ways to pass the answer back, a stream given to `reply.send` and writes on the hijacked reply, it takes the
 * second, which is the quicker one.
 */
import type { ServerResponse } from 'node:http'
import Fastify from 'fastify'
import { type Dispatcher, Pool } from 'undici'

const ofOneConnection = new Set(['host', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'])

const [target] = process.argv.slice(2)
const pool = new Pool(target!)
const app = Fastify()
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.post<{ Body: Buffer }>('/*', (request, reply) => {
  reply.hijack()
  const headers = passed(request.raw.rawHeaders)
  pool.dispatch({ method: 'POST', path: request.url, headers, body: request.body }, passBack(reply.raw))
})
process.send!(await app.listen({ host: '127.0.0.1', port: 0 }))

function passBack(raw: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart() {},
    onResponseStart(controller, status) {
      const fields = (controller.rawHeaders as Buffer[]).map(field => field.toString('latin1'))
      raw.writeHead(status, passed(fields))
    },
    onResponseData(_controller, chunk) {
      raw.write(chunk)
    },
    onResponseEnd() {
      raw.end()
    },
    onResponseError(_controller, err) {
      raw.destroy(err)
    }
  }
}

function passed(fields: readonly string[]): string[] {
  return fields.filter((_, index) => !ofOneConnection.has(fields[index - (index % 2)]!.toLowerCase()))
}

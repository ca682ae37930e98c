/** A proxy that cuts every stream of events behind a number of bytes that a seed gives, and lets all else pass. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Random } from '../../chaos/random.ts'
import type { Scope } from '../../helpers/foreman.ts'

/** A running one. */
export interface Cutter {
  readonly url: string
  /** Streams that were cut so far. */
  readonly cuts: number
}

/** More than the longest event of these tests, so that each comes through at last; cuts fall into every part of it. */
const mostBytes = 5000

/** Starts one before `target`; it is gone when the test is over. */
export async function startCutter(t: Scope, target: string, seed: number): Promise<Cutter> {
  const random = new Random(seed)
  let cuts = 0
  const pass = (asked: IncomingMessage, answer: ServerResponse) => {
    const { method, headers } = asked
    const onward = request(new URL(asked.url!, target), { method, headers, agent: false }, source => {
      answer.writeHead(source.statusCode!, source.headers)
      source.on('error', () => answer.destroy())
      if (headers.accept !== 'text/event-stream') return source.pipe(answer)
      let left = random.between(1, mostBytes)
      source.on('end', () => answer.end())
      source.on('data', (chunk: Buffer) => {
        const taken = chunk.subarray(0, left)
        left -= taken.length
        if (left > 0) return answer.write(taken)
        source.removeAllListeners('end').destroy()
        cuts += 1
        // Behind the bytes, not in their place.
        return answer.write(taken, () => answer.destroy())
      })
    })
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    asked.pipe(onward)
  }
  const server = createServer(pass).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    get cuts() {
      return cuts
    }
  }
}

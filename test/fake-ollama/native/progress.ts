/**
 * Progress records of pull, push and create: lines of JSON, or the last one alone.
 * Source: ollama/ollama `server/routes.go` (streamResponse, waitForStream).
 */
import { goStringify } from '../go/json-write.ts'
import { type Call, HttpError } from '../http/call.ts'
import { pause } from '../pause.ts'

/** One record; zero counts are left out. */
export interface Progress {
  status: string
  digest?: string
  total?: number
  completed?: number
}

/** Sends what `steps` yields; what it throws becomes a 500, or a last line once a line is out. */
export async function sendProgress(call: Call, streaming: boolean, steps: Iterable<Progress>): Promise<void> {
  let last: Progress = { status: '' }
  try {
    for (const step of steps) {
      last = step
      if (streaming) await call.wire.write(`${goStringify(step)}\n`, 200, 'application/x-ndjson')
      await pause(call.world.config.pull_delay_ms, call.signal)
    }
  } catch (error) {
    call.signal.throwIfAborted()
    const status = error instanceof HttpError ? error.status : 500
    return fail(call, streaming, status, (error as Error).message)
  }
  if (streaming) await call.wire.end()
  else call.wire.reply(200, 'application/json', goStringify(last))
}

async function fail(call: Call, streaming: boolean, status: number, message: string): Promise<void> {
  const line = goStringify({ error: message })
  if (!streaming) return call.wire.reply(status, 'application/json', line)
  await call.wire.write(call.wire.started ? `${line}\n` : line, status, 'application/json')
  await call.wire.end()
}

/** Lets the planned callers call, through the same Ollama client library that anybody uses. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Ollama } from 'ollama'
import type { Call, Caller } from './workload.ts'

/** A call that got no full answer, and why. */
export interface FailedCall {
  readonly call: Call
  readonly error: Error
}

/**
 * Runs every caller to its end.
 * @param speed divides all waits
 * @returns the calls that failed; `stop` lets each caller leave after the call it is in
 */
export async function runCallers(
  url: string,
  callers: readonly Caller[],
  speed: number,
  stop: AbortSignal
): Promise<FailedCall[]> {
  const failed: FailedCall[] = []
  await Promise.all(
    callers.map(async ({ startMs, pauseMs, calls }) => {
      await pause(startMs / speed, stop)
      for (const call of calls) {
        if (stop.aborted) return
        await place(url, call).catch(error => failed.push({ call, error }))
        await pause(pauseMs / speed, stop)
      }
    })
  )
  return failed
}

async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch(() => {})
}

/** Makes one call and reads its answer to the end. @throws {Error} where the answer is not complete */
async function place(url: string, call: Call): Promise<void> {
  const client = new Ollama({ host: url, headers: { 'Foreman-Priority': call.priority } })
  let done = false
  for await (const part of await ask(client, call)) done = part.done
  if (!done) throw new Error('the answer broke off')
}

async function ask(client: Ollama, call: Call): Promise<AsyncIterable<Answer> | Answer[]> {
  const { model, streams } = call
  const options = { num_predict: call.tokens }
  if (call.route === 'generate') return [await client.generate({ model, prompt: question, options })]
  const messages = [{ role: 'user', content: question }]
  if (streams) return client.chat({ model, messages, options, stream: true })
  return [await client.chat({ model, messages, options })]
}

interface Answer {
  readonly done: boolean
}

const question = 'What is a foreman?'

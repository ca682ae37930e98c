/**
 * What the scripts of the JavaScript clients share: how they are told where to go, and how they tell what came of it.
 *
 * A script is started with a base URL. It prints a line of JSON for each call, `{"case", "outcome"}`; the outcome is
 * what the library hands to its caller, or `{"error": {"class", "status", "message"}}`.
 */

const { env } = process

/** Where to send the calls, without a slash at its end. */
export const url = process.argv[2]!
/** The one that foreman knows, and one that it does not. */
export const [token, wrongToken] = [env.CLIENT_TOKEN!, env.WRONG_TOKEN!]
/** The target is no fake: it has none of its faults, and installs nothing. */
export const real = env.REAL === '1'

/** One for each kind of call. */
export const models = {
  chat: env.CHAT_MODEL ?? 'llama3.2',
  thinking: env.THINKING_MODEL ?? 'qwen3:8b',
  embedding: env.EMBED_MODEL ?? 'nomic-embed-text',
  unknown: 'nobody'
}

/** What makes an answer of a real target short, and the same each time. */
export const options = { temperature: 0, seed: 1, num_predict: 24 }
/** The same for an answer that is to be left before its end. */
export const endless = { ...options, num_predict: 20_000 }
/** What is said to chat models. */
export const prompt = 'count'
/** What becomes vectors. */
export const texts = ['one', 'two']

/** The parameters of the one tool, `get_weather`. */
export const weather = {
  type: 'object',
  required: ['city'],
  properties: { city: { type: 'string' } }
}
/** What an answer must look like where it is to be data. */
export const shape = {
  type: 'object',
  required: ['tok0', 'tok1'],
  properties: { tok0: { type: 'number' }, tok1: { type: 'number' } }
}

/** Says what one call came to. */
export type Call = () => Promise<unknown>

/** Makes the calls one after another and prints their outcomes. */
export async function play(cases: Readonly<Record<string, Call>>): Promise<void> {
  for (const [name, call] of Object.entries(cases)) {
    const outcome = await outcomeOf(call)
    console.log(JSON.stringify({ case: name, outcome: outcome ?? null }, errorsToo))
  }
}

async function outcomeOf(call: Call): Promise<unknown> {
  try {
    return await call()
  } catch (err) {
    return thrown(err)
  }
}

/** The calls that need a fault of the fake, unless the target is real. */
export function withFake(cases: Readonly<Record<string, Call>>): Readonly<Record<string, Call>> {
  return real ? {} : cases
}

/**
 * Holds a stream after two chunks, so that it is not at its end when it is left. Not for ever, since some libraries
 * close a stream that they have left only at its next chunk, or not at all.
 */
export const hold = fault('stall', { after: 2, for_ms: 200 })

/** The header that makes a fake fail in one way; a real target does not mind it. */
export function fault(kind: string, more: object = {}): Record<string, string> {
  return { 'X-Fake-Fault': JSON.stringify({ kind, ...more }) }
}

/** All chunks of a stream, and what it throws in the end, if anything. */
export async function gather(stream: AsyncIterable<unknown>): Promise<object> {
  const chunks: unknown[] = []
  try {
    // Copied, since some libraries go on writing into what they have handed out.
    for await (const chunk of stream) chunks.push(JSON.parse(JSON.stringify(chunk, errorsToo)))
  } catch (err) {
    return { chunks, ...thrown(err) }
  }
  return { chunks }
}

/** The first two chunks of a stream, then calls `leave`, and what the stream throws then. */
export async function gatherTwo(stream: AsyncIterable<unknown>, leave: () => unknown): Promise<object> {
  return gather(upToTwo(stream, leave))
}

async function* upToTwo(stream: AsyncIterable<unknown>, leave: () => unknown): AsyncIterable<unknown> {
  let count = 0
  for await (const chunk of stream) {
    // How much the library had already read then is a matter of time.
    if (++count <= 2) yield chunk
    if (count === 2) leave()
  }
}

interface ClientError extends Error {
  readonly status?: number
  readonly statusCode?: number
  readonly status_code?: number
}

function thrown(err: unknown): object {
  const error = err as ClientError
  const status = statusOf(error) ?? statusOf(error.cause as ClientError | undefined) ?? null
  return { error: { class: error.constructor.name, status, message: error.message } }
}

function statusOf(error: ClientError | undefined): number | undefined {
  return error?.status ?? error?.statusCode ?? error?.status_code
}

/** Some libraries hand out errors as chunks, of which JSON would show nothing. */
function errorsToo(_name: string, value: unknown): unknown {
  return value instanceof Error ? thrown(value) : value
}

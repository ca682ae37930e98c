/** Shared by the tests of the fake Ollama: start one, ask it, read what it streams. */
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { type FakeConfig, type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'

/** A fake that ends with the test. */
export async function startFake(t: TestContext, config: Partial<FakeConfig> = {}): Promise<FakeOllama> {
  const fake = await startFakeOllama(config)
  t.after(() => fake.stop())
  return fake
}

/** POSTs JSON, or text as it is. */
export function post(
  fake: FakeOllama,
  path: string,
  body: unknown,
  init: RequestInit = {}
): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(fake.url + path, { method: 'POST', body: text, ...init })
}

/** Status and JSON body of a POST. */
export async function answer(
  fake: FakeOllama,
  path: string,
  body: unknown,
  headers: Record<string, string> = {}
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await post(fake, path, body, { headers })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

/** A chat of one message. */
export function chatBody(extra: object = {}): object {
  return { model: 'llama3.2', messages: [{ role: 'user', content: 'hello' }], ...extra }
}

/** The records of an NDJSON answer. */
export async function records(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text()
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

/** The text of chat records. */
export function chatText(all: Record<string, unknown>[]): string {
  return all.map(record => (record.message as { content: string }).content).join('')
}

/** Head and HTTP chunks of a POST: each chunk is what the server flushed at once. */
export async function rawChunks(
  fake: FakeOllama,
  path: string,
  body: object,
  headers: string[] = []
): Promise<{ head: string; chunks: Buffer[] }> {
  const raw = await rawExchange(fake, rawRequest('POST', path, headers, JSON.stringify(body)))
  const split = raw.indexOf('\r\n\r\n')
  const chunks: Buffer[] = []
  for (let rest = raw.subarray(split + 4); ; ) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.subarray(0, line).toString(), 16)
    if (size === 0) return { head: raw.subarray(0, split).toString(), chunks }
    chunks.push(rest.subarray(line + 2, line + 2 + size))
    rest = rest.subarray(line + 2 + size + 2)
  }
}

/** Sends raw bytes and resolves with all that comes back until the connection closes. */
export function rawExchange(fake: FakeOllama, request: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(new URL(fake.url).port), '127.0.0.1', () => socket.write(request))
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
}

/** A raw request on a connection that the server closes after it. */
export function rawRequest(method: string, path: string, headers: string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: close',
    ...headers,
    ...length,
    '',
    body
  ]
  return lines.join('\r\n')
}

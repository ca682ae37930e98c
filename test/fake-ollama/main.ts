/**
 * The fake Ollama as a program:
 *
 *   node test/fake-ollama/main.ts [--port N] [--config JSON-or-path]
 *
 * Listens on 127.0.0.1, prints one line `{"url":...}` when it does, sends the same by IPC when
 * forked, and ends on SIGTERM, SIGINT or when the process that forked it is gone.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { FakeConfig } from './config.ts'
import { FakeServer } from './server.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, config: { type: 'string' } } })
const server = new FakeServer(readConfig())
const url = await server.listen()
console.log(JSON.stringify({ url }))
process.send?.({ url })

for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.once(signal, stop)

function stop(): void {
  server.close()
  if (process.connected) process.disconnect()
}

function readConfig(): Partial<FakeConfig> {
  const text = values.config ?? '{}'
  const config = JSON.parse(text.trimStart().startsWith('{') ? text : readFileSync(text, 'utf8'))
  return values.port === undefined ? config : { ...config, port: Number(values.port) }
}

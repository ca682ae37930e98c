/** The official Ollama client, set up for a foreman. It needs the package `ollama` beside this one. */
import { type Config, Ollama } from 'ollama'
import type { Foreman } from './client.ts'

/**
 * The official client: its calls wait in foreman's queue with their connection open, and behave as at Ollama itself.
 * `config` is its own; `host` and the token are this foreman's. On Node a call that waits for more than 300 s needs
 * another `fetch`: see foreman's docs/clients.md, "Waiting".
 */
export function ollama(foreman: Foreman, config: Partial<Omit<Config, 'host'>> = {}): Ollama {
  const headers = { ...foreman.authorization, ...Object.fromEntries(new Headers(config.headers)) }
  return new Ollama({ ...config, host: foreman.baseUrl, headers })
}

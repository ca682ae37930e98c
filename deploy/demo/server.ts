/** The demo's two servers: a fake Ollama as a process of its own, and foreman with its default settings before it, but for tokens: whoever tries it out
 * pastes lines that need none. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../core/app.ts'
import { loadSettings } from '../../core/settings.ts'
import { type FakeOllama, startFakeOllama } from '../../test/fake-ollama/start.ts'
import { demoModels } from './workload.ts'

const promptMs = 40
const unloadMs = 80

/** Both servers, on free ports of the loopback address. */
export interface DemoServers {
  readonly app: FastifyInstance
  readonly fake: FakeOllama
  /** Where foreman answers. */
  readonly url: string
  /** Ends both and removes the data directory. */
  close(): Promise<void>
}

/** Starts both; `speed` divides the server's delays. */
export async function startServers(speed: number): Promise<DemoServers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'foreman-demo-'))
  const fake = await startFakeOllama(fakeConfig(speed))
  const env = { FOREMAN_TARGET_URL: fake.url, FOREMAN_DATA_DIR: dataDir, FOREMAN_PORT: '0' }
  // No foreman.yaml is read: the folder is empty.
  const settings = { ...loadSettings({ env, cwd: dataDir }), plugins: { auth: false } }
  const app = await buildApp(settings)
  const url = await app.listen({ host: settings.host, port: settings.port })
  return {
    app,
    fake,
    url,
    async close() {
      await app.close()
      await fake.stop()
      await rm(dataDir, { recursive: true })
    }
  }
}

function fakeConfig(speed: number): Parameters<typeof startFakeOllama>[0] {
  return {
    max_loaded: 1,
    prompt_delay_ms: promptMs / speed,
    unload_delay_ms: unloadMs / speed,
    models: demoModels.map(({ name, sizeBytes, loadMs, tokenMs }) => ({
      name,
      size_bytes: sizeBytes,
      load_delay_ms: loadMs / speed,
      token_delay_ms: tokenMs / speed
    }))
  }
}

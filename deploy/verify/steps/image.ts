/** The image by itself. */
import assert from 'node:assert/strict'
import { baseImage, foremanImage, sizeOf } from '../images.ts'
import { eventually } from '../shell.ts'
import type { World } from '../world.ts'

const mega = 1_000_000
const mostMegabytes = 60

/** Small, for its own user, and with nothing in it that does not belong there. */
export async function holdsNoMoreThanItNeeds({ engine }: World): Promise<string> {
  const added = (await sizeOf(engine, foremanImage)) - (await sizeOf(engine, baseImage))
  assert.ok(added <= mostMegabytes * mega, `${(added / mega).toFixed(1)} MB above its base`)
  const config = JSON.parse(await engine.inspect(foremanImage, '{{json .Config}}'))
  assert.equal(config.User, 'node')
  assert.ok(config.Healthcheck.Test.length > 0)
  const label = (name: string) => config.Labels[`org.opencontainers.image.${name}`]
  for (const name of ['title', 'description', 'licenses', 'source', 'version', 'revision'])
    assert.ok(label(name), name)
  const listed = await engine.docker(['run', '--rm', '--entrypoint', 'ls', foremanImage, '-A', '/app'])
  const wanted = [
    'LICENSE',
    'compile-cache',
    'core',
    'healthcheck.mjs',
    'node_modules',
    'package.json',
    'plugins'
  ]
  assert.deepEqual(listed.split('\n').sort(), wanted)
  return `${(added / mega).toFixed(1)} MB above its base`
}

/** One that is shut in as far as an engine can: no network, no target, nothing to write to but its volume. */
export async function startsShutIn({ engine }: World): Promise<string> {
  const walls = [
    '--network=none',
    '--read-only',
    '--tmpfs=/tmp',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges'
  ]
  // Asked more often than the image says, to wait less.
  const health = ['--health-interval=1s', '--health-start-period=0s']
  const id = await engine.docker(['run', '--detach', ...walls, ...health, foremanImage])
  try {
    const healthy = async () => (await engine.inspect(id, '{{.State.Health.Status}}')) === 'healthy'
    await eventually('its own health check calls it healthy', healthy)
    const memory = await engine.docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', id])
    await engine.docker(['stop', id])
    assert.equal(await engine.inspect(id, '{{.State.ExitCode}}'), '0')
    return `healthy without a target, memory ${memory.split(' ')[0]}, ended with 0`
  } finally {
    await engine.docker(['rm', '--force', '--volumes', id])
  }
}

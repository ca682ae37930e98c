/** The stack as `docker compose up` starts it. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { foremanImage } from '../images.ts'
import { eventually } from '../shell.ts'
import { project } from '../stack.ts'
import { administrator, type World } from '../world.ts'

/** Nothing is prepared; the helper for models brings what is asked for, and ends. */
export async function comesUp(world: World): Promise<string> {
  const { engine, stack } = world
  await stack.up()
  const helper = await stack.container('models')
  await eventually('the helper for models has ended', async () => {
    return (await engine.inspect(helper, '{{.State.Status}}')) === 'exited'
  })
  assert.equal(await engine.inspect(helper, '{{.State.ExitCode}} {{.RestartCount}}'), '0 0')
  const { models } = await (await administrator(world)).json<{ models: { name: string }[] }>('/api/tags')
  assert.ok(models.some(({ name }) => name === 'smollm2:135m'))
  return 'foreman answers, the model is there'
}

/** Seen from inside, where a fault of foreman's would act. */
export async function isShutIn({ stack, engine }: World): Promise<string> {
  await stack.up()
  const inside = (...command: string[]) => stack.exec('foreman', ...command)
  assert.equal(await inside('id', '-u'), '1000')
  for (const path of ['/', '/app', '/app/core', '/etc', '/usr/local/bin']) {
    await assert.rejects(inside('touch', `${path}/x`), /Read-only file system/, `${path} can be written`)
  }
  await assert.rejects(inside('sh', '-c', 'echo x >> /app/foreman.yaml'), /Permission denied|Read-only/)
  const status = await inside('sh', '-c', 'cat /proc/[0-9]*/status')
  const valuesOf = (field: string) =>
    [...status.matchAll(new RegExp(`^${field}:\\s+(\\S+)$`, 'gm'))].map(([, v]) => v)
  for (const field of ['CapEff', 'CapPrm', 'CapBnd']) {
    assert.deepEqual(new Set(valuesOf(field)), new Set(['0000000000000000']), field)
  }
  assert.deepEqual(new Set(valuesOf('NoNewPrivs')), new Set(['1']))
  const { Memory, PidsLimit } = JSON.parse(
    await engine.inspect(await stack.container('foreman'), '{{json .HostConfig}}')
  )
  assert.ok(Memory > 0 && PidsLimit > 0)
  return 'user 1000, nothing writable, no capability, no new privileges'
}

/** What is published, and that neither this machine nor a caller beside foreman can reach Ollama. */
export async function hidesOllama({ engine, stack }: World): Promise<string> {
  await stack.up()
  const ids = (await engine.docker(['ps', '--quiet'])).split('\n')
  const published = (await Promise.all(ids.map(id => engine.docker(['port', id])))).join('\n').trim()
  assert.equal(published, `8080/tcp -> 127.0.0.1:${stack.ports.foreman}`)
  await assert.rejects(connected(11_434), 'a port 11434 of this machine answers')
  const ask =
    'fetch(process.argv[1], { signal: AbortSignal.timeout(3000) }).then(() => {}, () => process.exit(7))'
  const caller = (url: string) =>
    engine.docker([
      'run',
      '--rm',
      `--network=${project}_default`,
      '--entrypoint=node',
      foremanImage,
      '-e',
      ask,
      url
    ])
  await caller('http://foreman:8080/healthz')
  const address = await stack.addressOf('ollama', 'target')
  for (const host of ['ollama', address])
    await assert.rejects(caller(`http://${host}:11434/`), /ended with 7/, host)
  for (const network of ['default', 'target']) {
    const metrics = `http://${await stack.addressOf('foreman', network)}:9464/metrics`
    await assert.rejects(caller(metrics), /ended with 7/, metrics)
  }
  return 'one port, on loopback; callers reach foreman, and neither Ollama nor the metrics without a token'
}

async function connected(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  } finally {
    socket.destroy()
  }
}

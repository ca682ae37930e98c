/** Makes the images of a run: the base, the stand-ins under the names that compose.yaml has, and foreman's own. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import type { Engine } from './engine.ts'
import { locate, run } from './shell.ts'

/** The checkout that is verified. */
export const root = resolve(import.meta.dirname, '..', '..')
/** As the Dockerfile has it. */
export const baseImage = 'node:24-bookworm-slim'
/** As compose.yaml has it. */
export const foremanImage = 'foreman:local'

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Which images could be made beside the base and foreman. */
export interface StandIns {
  readonly prometheus: boolean
  readonly litestream: boolean
}

/** Takes the base image from a tar of its files. */
export async function importBase(engine: Engine, tar: string): Promise<void> {
  const changes = ['ENTRYPOINT ["docker-entrypoint.sh"]', 'CMD ["node"]', `ENV ${path}`]
  await engine.docker(['import', ...changes.flatMap(change => ['--change', change]), tar, baseImage])
}

/** Builds foreman's image from the checkout, with what `docker build` may be given. */
export async function buildForeman(engine: Engine, args: readonly string[] = []): Promise<void> {
  // The host's network, as the registry may be within reach of nothing else.
  await engine.docker(['build', '--network=host', '--tag', foremanImage, ...args, root])
}

/** Builds an image on foreman's. @param lines of its Dockerfile, after the first */
export async function buildOn(
  engine: Engine,
  tag: string,
  lines: readonly string[],
  context: string
): Promise<void> {
  const input = [`FROM ${foremanImage}`, ...lines].join('\n')
  await engine.docker(['build', '--network=none', '--tag', tag, '--file', '-', context], { input })
}

/** Builds what stands in for the images of others, in `dir`. */
export async function buildStandIns(engine: Engine, dir: string, litestream?: string): Promise<StandIns> {
  await build(engine, dir, 'ollama', to => {
    cpSync(join(root, 'test/fake-ollama'), join(to, 'fake-ollama'), { recursive: true })
  })
  const programs = { prometheus: await locate('prometheus'), promtool: await locate('promtool') }
  const { prometheus, promtool } = programs
  if (prometheus !== undefined && promtool !== undefined) {
    await build(engine, dir, 'prometheus', to => copyPrograms(to, { prometheus, promtool }))
  }
  const binary = litestream ?? (await locate('litestream'))
  if (binary !== undefined)
    await build(engine, dir, 'litestream', to => copyPrograms(to, { litestream: binary }))
  return { prometheus: prometheus !== undefined && promtool !== undefined, litestream: binary !== undefined }
}

/** Bytes of an image, its base included. */
export async function sizeOf(engine: Engine, image: string): Promise<number> {
  return Number(await engine.inspect(image, '{{.Size}}'))
}

/** Brings the files of another commit into `to`, and nothing else. @throws {Error} where git does not have it */
export async function exportCommit(commit: string, paths: readonly string[], to: string): Promise<void> {
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true })
  await run('sh', ['-c', 'git archive "$0" -- "$@" | tar x -C "$TO"', commit, ...paths], {
    cwd: root,
    env: { ...process.env, TO: to }
  })
}

async function build(
  engine: Engine,
  dir: string,
  service: string,
  fill: (to: string) => void
): Promise<void> {
  const context = join(dir, service)
  cpSync(join(import.meta.dirname, 'stand-ins', service), context, { recursive: true })
  fill(context)
  await engine.docker(['build', '--network=none', '--tag', imageOf(service), context])
}

function copyPrograms(to: string, programs: Readonly<Record<string, string>>): void {
  for (const [name, file] of Object.entries(programs)) {
    copyFileSync(file, join(to, name))
    chmodSync(join(to, name), 0o755)
  }
}

/** Name and tag that compose.yaml asks for. */
function imageOf(service: string): string {
  const { services } = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'), { merge: true })
  return services[service].image
}

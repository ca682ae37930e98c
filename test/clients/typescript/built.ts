/**
 * The TypeScript client as it is shipped: built anew for each process, into a folder from which its peers are found.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const packageDir = join(ROOT, 'clients', 'typescript')

/** The folder of the built package: what a `node_modules/foreman-jobs` has. */
export const builtDir = build()

/** The command, to be run by Node. */
export const commandFile = join(builtDir, 'dist', 'cli', 'main.js')

type Modules = {
  index: typeof import('../../../clients/typescript/src/index.ts')
  ollama: typeof import('../../../clients/typescript/src/ollama.ts')
  retry: typeof import('../../../clients/typescript/src/retry.ts')
  sse: typeof import('../../../clients/typescript/src/sse.ts')
  text: typeof import('../../../clients/typescript/src/text.ts')
}

/** One of its modules. */
export async function load<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return import(pathToFileURL(join(builtDir, 'dist', `${name}.js`)).href)
}

function build(): string {
  const cache = join(ROOT, 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const dir = mkdtempSync(join(cache, 'foreman-jobs-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  copyFileSync(join(packageDir, 'package.json'), join(dir, 'package.json'))
  for (const project of ['tsconfig.json', 'tsconfig.cli.json']) {
    const args = ['--project', join(packageDir, project), '--outDir', join(dir, 'dist')]
    execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), args, { stdio: 'inherit' })
  }
  return dir
}

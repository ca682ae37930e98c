/** Makes the scripts of clients ready to run, with the versions that their folders pin, in folders that go again. */
import { type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDir } from '../../helpers/foreman.ts'
import { type Client, type Command, folders, type Needs, node } from './clients.ts'

/** Where its own installation puts it, for a shell whose PATH does not have it. */
const usualGo = '/usr/local/go/bin/go'

/** Ways to make ready what has not been made ready yet. */
export class Installation {
  readonly #done = new Map<Needs, Promise<(script: string) => Command>>()

  /** How to start a script. Installs what it needs, once for all clients that need the same. @throws {Error} when that fails */
  async command({ needs, script }: Pick<Client, 'needs' | 'script'>): Promise<Command> {
    const done = this.#done.get(needs) ?? ways[needs]()
    this.#done.set(needs, done)
    return (await done)(script)
  }

  /** Starts Python with the packages of the scripts in Python. */
  async python(...args: string[]): Promise<Command> {
    return { ...(await this.command({ needs: 'pip', script: '' })), args }
  }
}

const ways: Readonly<Record<Needs, () => Promise<(script: string) => Command>>> = {
  nothing: async () => node,
  npm: installNpm,
  pip: installPip,
  go: async () => goCommand
}

async function installNpm(): Promise<(script: string) => Command> {
  const folder = newFolder()
  cpSync(folders.javascript, folder, { recursive: true })
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: folder })
  return script => node(script, folder)
}

async function installPip(): Promise<(script: string) => Command> {
  const folder = newFolder()
  const program = join(folder, 'bin', 'python')
  await run('python3', ['-m', 'venv', folder])
  await run(program, ['-m', 'pip', 'install', '--quiet', '-r', join(folders.python, 'requirements.txt')])
  // Its compiled modules would lie in the repository.
  return script => ({ program, args: ['-B', join(folders.python, script)], cwd: folders.python })
}

/** It goes when this process ends. */
function newFolder(): string {
  return temporaryDir({ after: () => {} })
}

function goCommand(script: string): Command {
  const go = ['go', usualGo].find(program => spawnSync(program, ['version']).status === 0)
  if (go === undefined) throw new Error('Go is not installed')
  return { program: go, args: ['run', script], cwd: folders.go }
}

/** Runs a program to its end; what it prints is seen. @throws {Error} unless it ends well */
export async function run(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {}
): Promise<void> {
  const [code] = await once(spawn(program, args, { stdio: 'inherit', ...options }), 'exit')
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
}

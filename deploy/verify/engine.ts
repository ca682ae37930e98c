/**
 * A Docker daemon of our own: all it keeps is in one folder, and nothing of it is left when it is closed.
 *
 * There can be one on a machine, as all of them use the same bridge and the same chains of the packet filter.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { keepNetwork } from './host-network.ts'
import { eventually, type RunOptions, run } from './shell.ts'

const bridge = 'docker0'
/** A daemon that does not end by then is killed. */
const longestStopMs = 30_000

/** The daemon and its command. */
export class Engine {
  readonly #dir: string
  readonly #restoreNetwork: () => Promise<void>
  #daemon: ChildProcess | undefined

  private constructor(dir: string, restoreNetwork: () => Promise<void>) {
    this.#dir = dir
    this.#restoreNetwork = restoreNetwork
  }

  /**
   * One on an empty folder, not started yet.
   * @throws {Error} where another daemon has the bridge
   */
  static async prepare(dir: string): Promise<Engine> {
    const [taken] = bridges()
    if (taken !== undefined)
      throw new Error(`${taken} is there: another Docker daemon has this machine, and would be disturbed`)
    return new Engine(dir, await keepNetwork())
  }

  /** For programs that talk to the daemon. */
  get env(): NodeJS.ProcessEnv {
    // The builder that every version has; what was set for foreman where this runs must not leak in.
    const own = Object.entries(process.env).filter(([name]) => !/^(FOREMAN|COMPOSE|DOCKER)_/.test(name))
    return {
      ...Object.fromEntries(own),
      DOCKER_HOST: `unix://${this.#dir}/docker.sock`,
      DOCKER_BUILDKIT: '0'
    }
  }

  /** Runs `docker` with these arguments. @returns what it printed */
  docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run('docker', args, { ...options, env: this.env })
  }

  /** One value of an image, a container or a network, by a template of `docker inspect`. */
  inspect(name: string, template: string): Promise<string> {
    return this.docker(['inspect', '--format', template, name])
  }

  /** Starts the daemon, on what the last one left. */
  async start(): Promise<void> {
    const log = openSync(join(this.#dir, 'log'), 'a')
    const at = (name: string) => join(this.#dir, name)
    const flags = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')]
    this.#daemon = spawn('dockerd', [...flags, '-H', `unix://${at('docker.sock')}`], {
      stdio: ['ignore', log, log],
      detached: true
    })
    await eventually('the Docker daemon answers', () => this.docker(['version']))
  }

  /** Kills the daemon, what it uses and every container, at once, as a machine that loses its power does. */
  async crash(): Promise<void> {
    const pids = await this.docker(['ps', '-q', '--no-trunc'])
    const running = await Promise.all(pids.split('\n').map(id => this.inspect(id, '{{.State.Pid}}')))
    for (const pid of [...running.map(Number), ...this.#processes()]) kill(pid, 'SIGKILL')
    await eventually('every process is gone', async () => this.#processes().length === 0)
    await unmountBelow(this.#dir)
    // What a system keeps in /run is gone with its power.
    for (const name of ['exec', 'pid', 'docker.sock'])
      rmSync(join(this.#dir, name), { recursive: true, force: true })
  }

  /** The last lines of the daemon's log. */
  log(): string {
    return readFileSync(join(this.#dir, 'log'), 'utf8').split('\n').slice(-20).join('\n')
  }

  /** Stops everything and leaves the machine as it was. What is in the folder is not needed any more. */
  async close(): Promise<void> {
    try {
      await this.#stop()
      await unmountBelow(this.#dir)
    } finally {
      for (const name of bridges()) await run('ip', ['link', 'delete', name])
      await this.#restoreNetwork()
    }
  }

  async #stop(): Promise<void> {
    if (this.#daemon?.exitCode === null && this.#daemon.signalCode === null) {
      const gone = once(this.#daemon, 'exit', { signal: AbortSignal.timeout(longestStopMs) })
      this.#daemon.kill('SIGTERM')
      await gone.catch(() => {})
    }
    for (const pid of this.#processes()) kill(pid, 'SIGKILL')
    await eventually('every process is gone', async () => this.#processes().length === 0)
  }

  /** Daemon, containerd and its shims: all have a path of the folder among their arguments. */
  #processes(): number[] {
    const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    return pids.filter(pid => commandOf(pid).includes(`${this.#dir}/`)).map(Number)
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ESRCH') throw err
  }
}

async function unmountBelow(dir: string): Promise<void> {
  const lines = readFileSync('/proc/mounts', 'utf8').split('\n')
  const paths = lines.map(line => line.split(' ')[1] ?? '').filter(path => path.startsWith(`${dir}/`))
  // The innermost first.
  for (const path of paths.reverse()) await run('umount', ['--lazy', path])
}

/** Those of daemons and of their networks. */
function bridges(): string[] {
  return readdirSync('/sys/class/net').filter(name => name === bridge || /^br-[0-9a-f]{12}$/.test(name))
}

/**
 * compose.yaml as a running stack: the file itself, with ports that are free here, and no key that this machine's compose
 * does not know.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Engine } from './engine.ts'
import { root } from './images.ts'
import { eventually, freePort, run } from './shell.ts'

/** compose.yaml, parsed. */
export type ComposeFile = { services: Record<string, Record<string, unknown>>; name?: string }

/** Changes the file before it is used. */
export type Edit = (file: ComposeFile) => void

/** Name of the project: what the engine makes for it begins so. */
export const project = 'foreman-verify'

/** The stack of one run. */
export class Stack {
  readonly #engine: Engine
  readonly #file: string
  readonly #command: readonly string[]
  readonly #env: Record<string, string>
  /** Changes the file before every other edit; a fault that is made on purpose is made here. */
  sabotage: Edit = () => {}

  private constructor(
    engine: Engine,
    file: string,
    command: readonly string[],
    ports: Record<string, string>
  ) {
    this.#engine = engine
    this.#file = file
    this.#command = command
    this.#env = { ...ports, COMPOSE_PROJECT_NAME: project, FOREMAN_MODELS: 'smollm2:135m' }
  }

  /** Writes the file to `dir`; nothing is started. */
  static async prepare(engine: Engine, dir: string): Promise<Stack> {
    const hasPlugin = await run('docker', ['compose', 'version']).then(
      () => true,
      () => false
    )
    const command = hasPlugin ? ['docker', 'compose'] : ['docker-compose']
    const names = ['FOREMAN_PORT', 'PROMETHEUS_PORT', 'GRAFANA_PORT']
    const ports = await Promise.all(names.map(async name => [name, String(await freePort())] as const))
    const stack = new Stack(engine, join(dir, 'compose.yaml'), command, Object.fromEntries(ports))
    stack.edit()
    return stack
  }

  /** Where foreman and Prometheus are published. */
  get ports(): { readonly foreman: number; readonly prometheus: number } {
    return { foreman: Number(this.#env.FOREMAN_PORT), prometheus: Number(this.#env.PROMETHEUS_PORT) }
  }

  /** Writes the file anew, as it is in the checkout but for `sabotage` and `edit`. It counts from the next start of a service on. */
  edit(edit: Edit = () => {}): void {
    const file = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'), { merge: true }) as ComposeFile
    // Set from outside, and unknown to older releases of compose.
    delete file.name
    this.sabotage(file)
    edit(file)
    // JSON is YAML.
    writeFileSync(this.#file, JSON.stringify(file))
  }

  /** Sets a variable that compose.yaml reads; undefined takes it away. */
  set(name: string, value: string | undefined): void {
    if (value === undefined) delete this.#env[name]
    else this.#env[name] = value
  }

  /** Runs compose with these arguments. @returns what it printed */
  compose(args: readonly string[]): Promise<string> {
    const [program, ...first] = this.#command
    const where = ['--file', this.#file, '--project-directory', root]
    return run(program!, [...first, ...where, ...args], { env: { ...this.#engine.env, ...this.#env } })
  }

  /** Brings services up, those without a profile where none is named, and waits until foreman answers. */
  async up(...services: string[]): Promise<void> {
    await this.compose(['up', '--detach', '--no-build', ...services])
    await this.answers()
  }

  /** Waits until foreman answers. */
  async answers(): Promise<void> {
    const url = `http://127.0.0.1:${this.ports.foreman}/healthz`
    await eventually('foreman answers', async () => (await fetch(url)).ok)
  }

  /** Removes containers, networks and volumes. */
  async down(): Promise<void> {
    const profiles = ['observability', 'backup'].flatMap(name => ['--profile', name])
    await this.compose([...profiles, 'down', '--volumes', '--remove-orphans', '--timeout', '5'])
  }

  /** Id of a service's container, whether it runs or has ended. */
  container(service: string): Promise<string> {
    const labels = [`project=${project}`, `service=${service}`].map(
      text => `label=com.docker.compose.${text}`
    )
    return this.#engine.docker(['ps', '--all', '--quiet', ...labels.flatMap(label => ['--filter', label])])
  }

  /** Runs a program in a service's container. @returns what it printed */
  async exec(service: string, ...command: string[]): Promise<string> {
    return this.#engine.docker(['exec', await this.container(service), ...command])
  }

  /** Address of a service on one of the stack's networks: the machine itself reaches it there. */
  async addressOf(service: string, network: string): Promise<string> {
    const template = `{{(index .NetworkSettings.Networks "${project}_${network}").IPAddress}}`
    return this.#engine.inspect(await this.container(service), template)
  }
}

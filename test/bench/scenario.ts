/** What a benchmark is, and what it is given: a place for files, and an end that tidies up. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Scope } from '../helpers/foreman.ts'
import type { Figure } from './figures.ts'

/** One benchmark, run alone on the machine. */
export interface Scenario {
  /** As it is given on the command line. */
  readonly name: string
  /** One line that says what is compared with what. */
  readonly title: string
  run(bench: Bench): Promise<Figure[]>
}

/** Where a run works, and what it shares between scenarios. */
export class Bench implements Scope {
  readonly #baseDir: string
  readonly #profileDir: string | undefined
  readonly #closers: (() => unknown)[] = []

  /**
   * @param baseDir folder for data directories; its disk is the one that is measured
   * @param profileDir where foreman's CPU profiles go; none are taken without it
   */
  constructor(baseDir: string, profileDir?: string) {
    this.#baseDir = baseDir
    this.#profileDir = profileDir
  }

  /** Node's arguments for the foreman that is measured. */
  get execArgv(): readonly string[] {
    return this.#profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', this.#profileDir]
  }

  /** A new directory, removed at the end. */
  directory(): string {
    const dir = mkdtempSync(join(this.#baseDir, 'foreman-bench-'))
    this.after(() => rmSync(dir, { recursive: true, force: true }))
    return dir
  }

  after(close: () => unknown): void {
    this.#closers.push(close)
  }

  /** Undoes everything, the last first. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  /** Says on stderr what is being done: some steps take a minute. */
  note(text: string): void {
    console.error(`  ${text}`)
  }
}

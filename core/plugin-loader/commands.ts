/** Commands that plugins offer beside `foreman serve`: `foreman <name> …` runs without a server, or next to one. */
import type { Settings } from '../settings.ts'

/** What a command is given. */
export interface CommandContext {
  readonly settings: Settings
  /** What follows the name of the command, without foreman's own options. */
  readonly args: readonly string[]
}

/** A command. A module of a plugin exports them as `commands`, by name. */
export interface PluginCommand {
  /** How it is called and what it does, in lines for a person. */
  readonly usage: string
  /** Does it, and writes what it has to say to stdout. @throws {CommandError} for what the person can put right */
  run(context: CommandContext): Promise<void>
}

/** A command that was called wrong, or that cannot do what was asked. The process says why and exits with 1. */
export class CommandError extends Error {}

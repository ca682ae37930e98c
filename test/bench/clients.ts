/** The load generator as the scenarios use it. */
import { once } from 'node:events'
import type { Scope } from '../helpers/foreman.ts'
import type { AgentsCommand, Command, RoundsCommand, RoundsResult, Visit } from './load-generator.ts'
import { forkProgram } from './programs.ts'
import type { FloodCommand, LinesCommand, Submitted } from './submissions.ts'

/** A process that calls. One command at a time. */
export interface Clients {
  /** @returns a result for each url, in their order */
  rounds(command: Omit<RoundsCommand, 'do'>): Promise<RoundsResult[]>
  /** @throws {Error} where a call was answered with another status than 200 */
  agents(command: Omit<AgentsCommand, 'do'>): Promise<Visit[]>
  /** Ends with an error of the process where a job is refused, as {@link lines} does. */
  flood(command: Omit<FloodCommand, 'do'>): Promise<Submitted>
  lines(command: Omit<LinesCommand, 'do'>): Promise<Submitted>
}

/** Starts the process. */
export function startClients(scope: Scope): Clients {
  const child = forkProgram(scope, 'load-generator.ts')
  async function ask<T>(command: Command): Promise<T> {
    const answered = new AbortController()
    const { signal } = answered
    child.send(command)
    const [result] = await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal })
    ]).finally(() => answered.abort())
    if (typeof result !== 'object' || result === null)
      throw new Error(`the load generator ended (exit ${result})`)
    return result as T
  }
  return {
    rounds: command => ask<RoundsResult[]>({ ...command, do: 'rounds' }),
    async agents(command) {
      const visits = await ask<Visit[]>({ ...command, do: 'agents' })
      const refused = visits.find(visit => visit.status !== 200)
      if (refused !== undefined) throw new Error(`a call was answered with ${refused.status}`)
      return visits
    },
    flood: command => ask<Submitted>({ ...command, do: 'flood' }),
    lines: command => ask<Submitted>({ ...command, do: 'lines' })
  }
}

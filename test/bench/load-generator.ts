/**
 * The clients of a benchmark as a process of their own, so that measuring does not slow what is measured.
 *
 * Takes one command a message and answers with its result:
 * `rounds` compares several servers with the same call, one call at a time, in blocks that take turns;
 * `agents` runs callers beside each other, each with calls that it sends one after another;
 * `flood` and `lines` hand jobs in.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Pool } from 'undici'
import { type Call, send } from './call.ts'
import { type StreamTimes, streamTimes } from './stream-times.ts'
import { type FloodCommand, flood, type LinesCommand, sendLines } from './submissions.ts'

/** Compare `urls`: `rounds` times a block of `callsPerRound` calls on each. */
export interface RoundsCommand {
  readonly do: 'rounds'
  readonly urls: readonly string[]
  readonly call: Call
  readonly rounds: number
  readonly callsPerRound: number
}

/** What one of the urls did. Times in ms, one entry a call. */
export interface RoundsResult extends StreamTimes {
  readonly totalMs: number[]
}

/** A caller: begins `startMs` after the others could, and pauses `thinkMs` between an answer and its next call. */
export interface Agent {
  readonly startMs: number
  readonly thinkMs: number
  readonly calls: readonly Call[]
}

/** Run all agents against one server. */
export interface AgentsCommand {
  readonly do: 'agents'
  readonly url: string
  readonly agents: readonly Agent[]
}

/** One call of an agent. Times in ms since the command began. */
export interface Visit {
  readonly agent: number
  readonly status: number
  readonly sentMs: number
  readonly endedMs: number
}

/** What can be asked for. */
export type Command = RoundsCommand | AgentsCommand | FloodCommand | LinesCommand

process.on('message', async (command: Command) => {
  process.send!(await run(command))
})

function run(command: Command): Promise<unknown> {
  if (command.do === 'rounds') return runRounds(command)
  if (command.do === 'agents') return runAgents(command)
  return command.do === 'flood' ? flood(command) : sendLines(command)
}

async function runRounds({ urls, call, rounds, callsPerRound }: RoundsCommand): Promise<RoundsResult[]> {
  const sides = urls.map(url => ({ client: new Client(url), result: emptyResult() }))
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another side: none is always the one after the pause.
    for (let turn = 0; turn < sides.length; turn++) {
      await runBlock(sides[(round + turn) % sides.length]!, call, callsPerRound)
    }
  }
  await Promise.all(sides.map(({ client }) => client.close()))
  return sides.map(({ result }) => result)
}

async function runBlock(side: { client: Client; result: RoundsResult }, call: Call, calls: number) {
  for (let done = 0; done < calls; done++) {
    const answer = await send(side.client, call)
    if (answer.status !== 200) throw new Error(`status ${answer.status}`)
    side.result.totalMs.push(answer.endedAt - answer.sentAt)
    const { firstByteMs, transitMs, otherChunks } = streamTimes(answer)
    side.result.firstByteMs.push(...firstByteMs)
    side.result.transitMs.push(...transitMs)
    side.result.otherChunks += otherChunks
  }
}

function emptyResult(): RoundsResult {
  return { totalMs: [], firstByteMs: [], transitMs: [], otherChunks: 0 }
}

async function runAgents({ url, agents }: AgentsCommand): Promise<Visit[]> {
  const pool = new Pool(url, { connections: agents.length, headersTimeout: 0, bodyTimeout: 0 })
  const beganAt = performance.now()
  const visits = await Promise.all(
    agents.map(async ({ startMs, thinkMs, calls }, agent) => {
      const mine: Visit[] = []
      if (startMs > 0) await sleep(startMs)
      for (const [index, call] of calls.entries()) {
        if (index > 0 && thinkMs > 0) await sleep(thinkMs)
        const { status, sentAt, endedAt } = await send(pool, call)
        mine.push({ agent, status, sentMs: sentAt - beganAt, endedMs: endedAt - beganAt })
      }
      return mine
    })
  )
  await pool.close()
  return visits.flat()
}

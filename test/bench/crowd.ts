/**
 * Followers of one job as a process of their own: many connections that take what comes and say at the end whether all of
 * it came.
 *
 * Takes one command a message. Answers `'joined'` when every connection stands, and a {@link CrowdResult} when all have
 * ended. What comes is only kept while the job runs, and read after it.
 */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { constants, setPriority } from 'node:os'
import { WebSocket } from 'ws'

/** Follow the job by so many connections. */
export interface CrowdCommand {
  readonly url: string
  readonly jobId: string
  readonly transport: 'sse' | 'ws'
  readonly followers: number
}

/** What came. */
export interface CrowdResult {
  /** The texts that followers have pieced together, with how many have each. */
  readonly texts: readonly { readonly text: string; readonly followers: number }[]
  /** Followers whose events do not count from 1 without a gap or a double. */
  readonly broken: number
  /** Events of one follower. */
  readonly events: number
  /** From an event's stamp to its arrival, for every follower and event that came after it was connected, in ms. */
  readonly delaysMs: readonly number[]
}

interface Arrival {
  readonly at: number
  readonly bytes: Buffer
}

/** One event, as far as it is looked at. */
interface Told {
  readonly seq: number
  readonly type: string
  readonly created_at: string
  readonly data: { readonly text?: string; readonly offset?: number }
}

// In life they are on other machines: here they take what the others leave of this one.
setPriority(constants.priority.PRIORITY_LOW)

process.on('message', async (command: CrowdCommand) => {
  const join = command.transport === 'sse' ? joinBySse : joinBySocket
  const followers = Array.from({ length: command.followers }, () => join(command))
  await Promise.all(followers.map(({ joined }) => joined))
  const joinedAt = Date.now()
  process.send!('joined')
  const told = await Promise.all(followers.map(({ ended }) => ended))
  process.send!(resultOf(told, joinedAt))
})

interface Heard {
  readonly event: Told
  readonly delayMs: number
}

interface Member {
  readonly joined: Promise<unknown>
  readonly ended: Promise<Heard[]>
}

function joinBySse({ url, jobId }: CrowdCommand): Member {
  const headers = { accept: 'text/event-stream' }
  const asked = request(new URL(`/jobs/${jobId}/events`, url), { headers, agent: false }).end()
  const joined = once(asked, 'response') as Promise<[IncomingMessage]>
  const ended = joined.then(async ([answer]) => {
    if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`)
    return eventsOf(await arrivals(answer))
  })
  return { joined, ended }
}

async function arrivals(answer: IncomingMessage): Promise<Arrival[]> {
  const all: Arrival[] = []
  answer.on('data', (bytes: Buffer) => all.push({ at: Date.now(), bytes }))
  await once(answer, 'end')
  return all
}

/** A block may lie over several arrivals; it has come with the last of them. */
function eventsOf(all: readonly Arrival[]): Heard[] {
  let rest = ''
  return all.flatMap(({ at, bytes }) => {
    // The text of the benchmark is ASCII.
    const blocks = (rest + bytes.toString('latin1')).split('\n\n')
    rest = blocks.pop()!
    const lines = blocks.flatMap(block => /^data: (.*)$/m.exec(block)?.[1] ?? [])
    return lines.flatMap(line => told(JSON.parse(line), at))
  })
}

/** An event and its way; nothing for one that is not of the log. */
function told(event: Told, at: number): Heard[] {
  return event.seq === undefined ? [] : [{ event, delayMs: at - Date.parse(event.created_at) }]
}

function joinBySocket({ url, jobId }: CrowdCommand): Member {
  const address = new URL(`/ws?job_id=${jobId}`, url.replace(/^http/, 'ws'))
  const socket = new WebSocket(address, 'foreman.v1')
  const all: Arrival[] = []
  socket.on('message', (bytes: Buffer) => all.push({ at: Date.now(), bytes }))
  const ended = once(socket, 'close').then(([code]) => {
    if (code !== 1000) throw new Error(`closed by ${code}`)
    return all.flatMap(({ at, bytes }) => {
      const frame = JSON.parse(bytes.toString()) as { op: string; event: Told }
      return frame.op === 'event' ? told(frame.event, at) : []
    })
  })
  return { joined: once(socket, 'open'), ended }
}

function resultOf(told: readonly Heard[][], joinedAt: number): CrowdResult {
  const isWhole = (events: readonly { event: Told }[]) =>
    events.every(({ event }, index) => event.seq === index + 1)
  const texts = Map.groupBy(told, events => textOf(events.map(({ event }) => event)))
  return {
    texts: [...texts].map(([text, all]) => ({ text, followers: all.length })),
    broken: told.filter(events => !isWhole(events)).length,
    events: told[0]!.length,
    delaysMs: told.flatMap(events =>
      events.filter(({ event }) => Date.parse(event.created_at) > joinedAt).map(({ delayMs }) => delayMs)
    )
  }
}

function textOf(events: readonly Told[]): string {
  let text = ''
  for (const { type, data } of events)
    if (type === 'job.output') text = text.slice(0, data.offset) + data.text
  return text
}

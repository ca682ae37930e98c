/**
 * A wire between foreman and its target that is listened in on: what passes is read as HTTP and passed on as it is.
 *
 * So a test compares what a client sent with what the target got, and what the target sent with what the client
 * got, byte by byte, whatever the clock put into them.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { answersNothing, fieldValue, type HttpMessage, MessageReader } from './message-reader.ts'

/** One request and its answer, as they passed. */
export interface Exchange {
  readonly request: HttpMessage
  /** Undefined before it began. */
  readonly answer: HttpMessage | undefined
}

/** The tap on one wire. */
export interface Wiretap {
  /** What foreman is given as its target. */
  readonly url: string
  /** The exchange whose request carries this field and value. */
  exchange(field: string, value: string): Exchange | undefined
  /** Lets one held piece of a stepwise answer pass, as soon as there is one. */
  release(): void
}

/** Marks a request whose answer waits here: its head and each of its chunks pass only when they are released. */
export const stepwiseField = 'X-Stepwise'

/** Starts a tap in front of `target`; it ends with the test. */
export async function startWiretap(t: TestContext, target: string): Promise<Wiretap> {
  const wires: Wire[] = []
  const turnstile = new Turnstile()
  const server = createServer(socket => wires.push(new Wire(socket, target, turnstile)))
  t.after(() => {
    server.close()
    for (const wire of wires) wire.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchange: (field, value) =>
      wires.flatMap(wire => wire.exchanges()).find(one => fieldValue(one.request.fields, field) === value),
    release: () => turnstile.release()
  }
}

/** One connection of foreman's and the one to the target that belongs to it. */
class Wire {
  readonly #near: Socket
  readonly #far: Socket
  readonly #requests = new MessageReader(() => false)
  readonly #answers = new MessageReader((startLine, index) =>
    answersNothing(startLine, this.#methodOf(index))
  )

  constructor(near: Socket, target: string, turnstile: Turnstile) {
    const { hostname, port } = new URL(target)
    this.#near = near
    this.#far = connect(Number(port), hostname)
    near.on('data', bytes => {
      this.#requests.push(bytes)
      this.#far.write(bytes)
    })
    this.#far.on('data', bytes => {
      this.#answers.push(bytes)
      if (this.#isStepwise()) turnstile.push(bytes, near)
      else near.write(bytes)
    })
    this.#joinEnds(near, this.#far)
    this.#joinEnds(this.#far, near)
  }

  exchanges(): Exchange[] {
    return this.#requests.messages.map((request, index) => ({
      request,
      answer: this.#answers.messages[index]
    }))
  }

  close(): void {
    this.#near.destroy()
    this.#far.destroy()
  }

  #joinEnds(one: Socket, other: Socket): void {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }

  #methodOf(index: number): string {
    return this.#requests.messages[index]?.startLine.split(' ')[0] ?? ''
  }

  #isStepwise(): boolean {
    const fields = this.#requests.messages.at(-1)?.fields ?? []
    return fieldValue(fields, stepwiseField.toLowerCase()) !== undefined
  }
}

/** Lets pass one piece of an answer for each release. A piece ends where a head, or a chunk that is a line, ends. */
class Turnstile {
  readonly #held: (() => void)[] = []
  #permits = 0

  push(bytes: Buffer, to: Socket): void {
    for (const piece of bytes.toString('latin1').split(/(?<=\n\r\n)/)) {
      this.#held.push(() => to.write(Buffer.from(piece, 'latin1')))
    }
    this.#pass()
  }

  release(): void {
    this.#permits++
    this.#pass()
  }

  #pass(): void {
    while (this.#permits > 0 && this.#held.length > 0) {
      this.#permits--
      this.#held.shift()!()
    }
  }
}

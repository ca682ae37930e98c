/**
 * A gate between foreman and the fake, on the level of TCP: the cable that is pulled, the machine that sleeps. The
 * fake behind it keeps what it has in memory.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Scope } from '../../helpers/foreman.ts'

/** A gate that stands open at first. */
export interface Gate {
  readonly url: string
  /** Tells of every connection that comes in. */
  readonly server: Server
  /** Times at which it hung up on somebody, as `performance.now()`. */
  readonly hangUps: readonly number[]
  /** Lets nobody in any more: connections are refused. Those that stand go on. */
  shut(): void
  /** Breaks the connections that stand. */
  cut(): void
  /** Takes every connection and breaks it at once, so that tries can be counted. */
  hangUp(): void
  /** Lets everybody in again, on the same port. */
  open(): Promise<void>
}

/** Puts one before `target`; it is gone when the test is over. */
export async function startGate(t: Scope, target: string): Promise<Gate> {
  const port = Number(new URL(target).port)
  const standing = new Set<Socket>()
  const hangUps: number[] = []
  let hangsUp = false
  const server = createServer(near => {
    if (hangsUp) {
      hangUps.push(performance.now())
      near.destroy()
    } else join(near, connect(port, '127.0.0.1'), standing)
  })
  const cut = () => {
    for (const socket of standing) socket.destroy()
  }
  const listen = async (at: number) => {
    hangsUp = false
    if (!server.listening) await once(server.listen(at, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }
  const own = await listen(0)
  const shut = () => {
    if (!server.listening) return
    // It closes only when its last connection has: what counts is that it takes none from now on.
    server.close()
  }
  t.after(() => {
    shut()
    cut()
  })
  const hangUp = () => {
    hangsUp = true
    cut()
  }
  const open = async () => {
    await listen(own)
  }
  return { url: `http://127.0.0.1:${own}`, server, hangUps, shut, cut, hangUp, open }
}

function join(near: Socket, far: Socket, standing: Set<Socket>): void {
  for (const [from, to] of [
    [near, far],
    [far, near]
  ] as const) {
    standing.add(from)
    from.on('error', () => {})
    from.on('close', () => {
      standing.delete(from)
      to.destroy()
    })
    from.setNoDelay(true)
    from.pipe(to)
  }
}

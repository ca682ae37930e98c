/**
 * Two network namespaces of a test's own, so that a forbidden packet can be sent, counted, and not leave the machine.
 *
 * `near` is where foreman's sender runs; `far` is everywhere else: it carries the addresses, with listeners. Two cables
 * join them: `open` leads to the one public address and to the name server, and every other packet, whatever its
 * address, goes out over `wild`. So what the kernel counts as sent on `wild` is every forbidden packet there was, the
 * first of a connection that nobody answers included. Neighbours are written down, so that none is asked for.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { Program } from './program.ts'

/** Where public receivers are. */
export const PUBLIC = ['93.184.216.34', '2606:2800:220:1::1']

/** Forbidden addresses that something listens on. */
export const FORBIDDEN = [
  ...['10.1.2.3', '172.16.5.6', '192.168.7.8', '169.254.169.254', '100.100.100.200', '100.64.3.4'],
  ...['fd00::5', 'fd00:ec2::254', '64:ff9b::a9fe:a9fe']
]

/** Where the sender is, as the other side sees it. */
export const NEAR = ['198.51.100.1', '2001:db8::1']

const NAME_SERVER = '198.51.100.53'
const NEAR_MAC = '02:00:00:00:00:01'
const FAR_MAC = '02:00:00:00:00:02'

/** The packets that the sender's side sent, and the connections that it began. */
export interface Sent {
  readonly wild: number
  readonly open: number
  readonly lo: number
  readonly connections: number
}

/** Both sides, running. */
export interface World {
  /** The sender's side. */
  readonly near: Program
  /** The receivers and the name server. */
  readonly far: Program
}

/** Why there can be no such world here, or undefined. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root makes network namespaces: nothing is proved of packets'
  const probe = `foreman-probe-${process.pid}`
  try {
    ip('netns', 'add', probe)
    ip('-n', probe, 'link', 'add', 'name', 'one', 'type', 'veth', 'peer', 'name', 'two')
    return undefined
  } catch {
    return 'no network namespace can be made with iproute2 here: nothing is proved of packets'
  } finally {
    try {
      ip('netns', 'del', probe)
    } catch {
      // There was none.
    }
  }
}

/** Makes the world; it is gone when the test is over. */
export async function startWorld(t: TestContext): Promise<World> {
  const near = `foreman-near-${process.pid}`
  const far = `foreman-far-${process.pid}`
  t.after(() => {
    for (const space of [near, far]) {
      ip('netns', 'del', space)
      rmSync(`/etc/netns/${space}`, { recursive: true, force: true })
    }
  })
  for (const space of [near, far]) makeSpace(space)
  for (const cable of ['open', 'wild']) {
    ip('link', 'add', 'name', cable, 'netns', near, 'type', 'veth', 'peer', 'name', cable, 'netns', far)
    raise(near, cable, NEAR_MAC)
    raise(far, cable, FAR_MAC)
  }
  furnish(near, far)
  return { near: await Program.start(t, near, 'near.ts'), far: await Program.start(t, far, 'far.ts') }
}

/** A namespace whose programs ask the name server of the test, and no other. */
function makeSpace(space: string): void {
  mkdirSync(`/etc/netns/${space}`, { recursive: true })
  writeFileSync(
    `/etc/netns/${space}/resolv.conf`,
    `nameserver ${NAME_SERVER}\noptions timeout:1 attempts:1\n`
  )
  writeFileSync(`/etc/netns/${space}/nsswitch.conf`, 'hosts: files dns\n')
  ip('netns', 'add', space)
  ip('-n', space, 'link', 'set', 'lo', 'up')
}

/** Without an address of its own making, so that the interface says nothing unless something is sent over it. */
function raise(space: string, cable: string, mac: string): void {
  ip('-n', space, 'link', 'set', cable, 'address', mac, 'addrgenmode', 'none')
  ip('-n', space, 'link', 'set', cable, 'up')
}

function furnish(near: string, far: string): void {
  const add = (space: string, cable: string, address: string) =>
    ip('-n', space, 'address', 'add', address, 'dev', cable, ...(address.includes(':') ? ['nodad'] : []))
  for (const address of NEAR) add(near, 'open', address)
  for (const address of [...PUBLIC, NAME_SERVER]) add(far, 'open', address)
  for (const address of FORBIDDEN) add(far, 'wild', address)
  for (const address of [...PUBLIC, NAME_SERVER]) ip('-n', near, 'route', 'add', address, 'dev', 'open')
  ip('-n', near, 'route', 'add', 'default', 'dev', 'wild', 'src', NEAR[0]!)
  ip('-n', near, '-6', 'route', 'add', 'default', 'dev', 'wild', 'src', NEAR[1]!)
  for (const address of NEAR) ip('-n', far, 'route', 'add', address, 'dev', 'open')
  const know = (space: string, cable: string, address: string, mac: string) =>
    ip('-n', space, 'neigh', 'add', address, 'lladdr', mac, 'dev', cable, 'nud', 'permanent')
  for (const address of [...PUBLIC, NAME_SERVER]) know(near, 'open', address, FAR_MAC)
  for (const address of FORBIDDEN) know(near, 'wild', address, FAR_MAC)
  for (const address of NEAR) know(far, 'open', address, NEAR_MAC)
}

function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' })
}

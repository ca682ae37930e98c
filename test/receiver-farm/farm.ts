/** The whole farm: every receiver on a port of its own, the trap, and the control beside them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { configure, defaults, type FarmConfig } from './config.ts'
import { controlServer } from './control.ts'
import { receivers } from './receivers.ts'
import { Visits } from './visits.ts'
import { watch, type Yard } from './yard.ts'

/** What one must know to use it. */
export interface FarmAddresses {
  /** Base URL of the control. */
  readonly control: string
  /** URL of each receiver by name. */
  readonly urls: Readonly<Record<string, string>>
}

/** Opens all of it on the loopback address. */
export async function openFarm(settings: Partial<FarmConfig>): Promise<FarmAddresses> {
  const config = { ...defaults }
  configure(config, settings)
  const visits = new Visits()
  const trap = createServer((_request, response) => void response.end())
  const yard: Yard = { config, visits, trap: { url: '' } }
  watch(trap, 'trap', yard)
  Object.assign(yard.trap, { url: await listen(trap, 'http') })
  const urls: Record<string, string> = {}
  for (const [name, open] of Object.entries(receivers)) {
    const server = open(name, yard)
    watch(server, name, yard)
    urls[name] = await listen(server, name === 'self_signed' ? 'https' : 'http')
  }
  const control = await listen(controlServer(yard), 'http')
  return { control, urls }
}

async function listen(server: Server, scheme: string): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

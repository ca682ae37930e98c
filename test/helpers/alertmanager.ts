/** An Alertmanager for tests that only listens: whatever Prometheus sends it can be waited for. */
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Scope } from './foreman.ts'

/** An alert as Prometheus tells it to an Alertmanager. */
export interface SentAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What was sent so far, and what is to come. */
export interface AlertManager {
  readonly port: number
  /** The first time that the alert is sent for `instance`, past or to come. @throws {Error} after 40 s */
  fired(name: string, instance: string): Promise<SentAlert>
  /** The names of all alerts that were sent so far for `instance`, sorted. */
  sent(instance: string): string[]
}

/** How long anything of Prometheus' is waited for: it looks for targets each 5 s only, and the machine may be busy. */
export const longestWaitMs = 40_000

/** Starts one, gone when the test is over. */
export async function startManager(t: Scope): Promise<AlertManager> {
  const alerts: SentAlert[] = []
  const news = new EventEmitter<{ alerts: [] }>()
  const server = createServer(async (request, response) => {
    alerts.push(...((await json(request)) as SentAlert[]))
    response.end()
    news.emit('alerts')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const of = (instance: string) => alerts.filter(({ labels }) => labels.instance === instance)
  async function fired(name: string, instance: string): Promise<SentAlert> {
    const late = AbortSignal.timeout(longestWaitMs)
    for (;;) {
      const found = of(instance).find(({ labels }) => labels.alertname === name)
      if (found !== undefined) return found
      await once(news, 'alerts', { signal: late }).catch(() => {
        throw new Error(`${name} did not fire for ${instance} within ${longestWaitMs} ms`)
      })
    }
  }
  const sent = (instance: string) => [...new Set(of(instance).map(({ labels }) => labels.alertname!))].sort()
  return { port: (server.address() as AddressInfo).port, fired, sent }
}

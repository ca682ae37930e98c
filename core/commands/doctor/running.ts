/** The foreman that should answer at the address of the settings, where one runs. */
import type { Settings } from '../../settings.ts'
import { TargetClient, TargetError } from '../../target/client.ts'
import { record, text } from '../../target/loose-json.ts'
import { type Answer, ask } from './ask.ts'
import { examineClock } from './clock.ts'
import { amiss, type Finding, well } from './finding.ts'

/** Looks whether foreman answers. @param inUse whether one holds the data directory of these settings, if that is known */
export async function examineRunning(settings: Settings, inUse: boolean | undefined): Promise<Finding[]> {
  if (settings.port === 0)
    return [well('foreman.port_unknown', 'port is 0: foreman takes a free one, so it is not asked')]
  const url = ownUrl(settings)
  const client = new TargetClient({ url, connectTimeoutMs: 2000 })
  try {
    const health = await ask(client, '/healthz')
    if (!isForeman(health)) return [taken(url)]
    const ready = await ask(client, '/readyz')
    return [
      ...otherData(url, inUse),
      readiness(url, ready),
      ...examineClock('the running foreman', health.aheadMs)
    ]
  } catch (err) {
    if (!(err instanceof TargetError)) throw err
    return [silence(url, inUse, err)]
  } finally {
    await client.destroy()
  }
}

/** Where a client on this machine reaches foreman. */
export function ownUrl({ host, port }: Pick<Settings, 'host' | 'port'>): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (host === '::') return `http://[::1]:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** `GET /healthz` of foreman tells the state of its target. */
export function isForeman({ json }: Answer): boolean {
  const { status, target } = record(json)
  return text(status) !== '' && text(record(target).status) !== ''
}

function taken(url: string): Finding {
  const mend = 'end what listens there, or set port: a start is refused'
  return amiss('foreman.port_taken', `something that is not foreman answers at ${url}`, mend)
}

function silence(url: string, inUse: boolean | undefined, err: TargetError): Finding {
  // Whatever takes connections and does not speak HTTP is in the way of a start.
  if (err.kind !== 'refused' && !inUse) return taken(url)
  if (!inUse) return well('foreman.not_running', `no foreman runs at ${url}`)
  const seen = `a foreman holds the data directory, and none answers at ${url} (${err.message})`
  return amiss(
    'foreman.silent',
    seen,
    'run the doctor with the settings of that foreman; if they are the same, restart it'
  )
}

function otherData(url: string, inUse: boolean | undefined): Finding[] {
  if (inUse !== false) return []
  const seen = `the foreman at ${url} has another data directory than these settings`
  return [
    amiss('foreman.other_data', seen, 'run the doctor with the settings of that foreman, and on its machine')
  ]
}

function readiness(url: string, ready: Answer): Finding {
  if (ready.status === 200) return well('foreman.ready', `foreman answers at ${url} and accepts jobs`)
  const mend = 'POST /queue/resume where it was drained; make room where the disk is full'
  return amiss('foreman.not_ready', `foreman at ${url} accepts no jobs (${ready.status})`, mend)
}

/** Standing endpoints of webhooks that foreman has stopped sending to: what happens meanwhile is lost in the end. */
import type { Database } from 'better-sqlite3'
import type { Settings } from '../../settings.ts'
import { amiss, type Finding, well } from './finding.ts'

interface DisabledEndpoint {
  readonly id: string
  readonly url: string
  /** Ms since 1970. */
  readonly disabledAt: number
  readonly reason: string
  /** Messages that a replay would send. */
  readonly held: number
}

const selectDisabled = `SELECT id, url, disabled_at AS disabledAt, disabled_reason AS reason,
  (SELECT count(*) FROM webhook_delivery AS d
    WHERE d.endpoint_id = e.id AND d.state = 'held' AND d.message_seq IS NOT NULL) AS held
  FROM webhook_endpoint AS e WHERE disabled_at IS NOT NULL ORDER BY disabled_at, seq`

/** Why foreman did it, and what comes before it can be enabled again. Who did it by hand knows. */
const causes: Readonly<Record<string, readonly [why: string, first: (path: string) => string]>> = {
  gone: [
    'its receiver answered 410',
    path => `DELETE ${path} where nobody wants it any more; else mend the receiver, or PATCH its url`
  ],
  failing: [
    'it took nothing for plugins.webhooks.disable_after_s',
    path => `mend the receiver: POST ${path}/test tells what it answers`
  ],
  secret_lost: [
    'its secret does not open, as the key file was exchanged',
    path => `POST ${path}/secret/rotate, and give the new secret to its receiver`
  ]
}

/** A finding for each that foreman disabled. Where there is no endpoint, or the plugin is off, there is nothing to tell. */
export function examineWebhooks(db: Database, { plugins }: Pick<Settings, 'plugins'>): Finding[] {
  const count = db.prepare('SELECT count(*) FROM webhook_endpoint').pluck().get() as number
  if (count === 0 || plugins.webhooks === false) return []
  const disabled = db.prepare(selectDisabled).all() as DisabledEndpoint[]
  const found = disabled.flatMap(endpoint => told(endpoint))
  if (found.length > 0) return found
  const byHand = disabled.length === 0 ? '' : `, ${disabled.length} of them disabled by hand`
  return [well('webhooks.endpoints', `${count} standing endpoints${byHand}`)]
}

/** By its host alone: the rest of a URL may be a secret. */
function told({ id, url, disabledAt, reason, held }: DisabledEndpoint): Finding[] {
  const cause = causes[reason]
  if (cause === undefined) return []
  const [why, first] = cause
  const path = `/webhook-endpoints/${id}`
  const seen = `${id} at ${new URL(url).host} is told of nothing since ${new Date(disabledAt).toISOString()}: ${why}; ${held} messages are held for it`
  const mend = `${first(path)}; then POST ${path}/enable, and ${path}/replay for what was held, while it is (docs/webhooks.md)`
  return [amiss('webhooks.endpoint_disabled', seen, mend)]
}

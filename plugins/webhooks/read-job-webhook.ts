/** Reads where a job wants its events to be sent. */
import type { WantedWebhook, WebhookReader } from '../jobs/job-webhooks.ts'
import type { EgressRules } from './egress/rules.ts'
import { faultAt } from './errors.ts'
import { defaultEvents, idlePattern, jobTypes } from './event-types.ts'
import type { SealedBox } from './signing/sealed-box.ts'
import { parseSecret } from './signing/secret-text.ts'

/**
 * Holds it against the rules, and seals the secret for its owner.
 * @returns a reader that throws {ValidationFailedError} for events that there are not and a secret that is none, and
 * {WebhookUrlRefusedError} for a URL that is never sent to
 */
export function jobWebhookReader(rules: EgressRules, box: SealedBox): WebhookReader {
  return ({ owner }, { url, events = [...defaultEvents], secret }) => {
    checkEvents(events)
    const key = secret === undefined ? null : readSecret(secret)
    return { url: rules.check(url).href, events, secret: key && box.seal(owner, key) }
  }
}

function checkEvents(events: NonNullable<WantedWebhook['events']>): void {
  const idle = idlePattern(events, jobTypes)
  if (idle === undefined) return
  throw faultAt(
    '/webhook/events',
    `'${idle}' is no event of a job: there are job.* and ${jobTypes.join(', ')}`
  )
}

function readSecret(text: string): Buffer {
  const secret = parseSecret(text)
  if (secret === undefined) throw faultAt('/webhook/secret', 'must be whsec_ and 24 to 64 bytes in base64')
  return secret
}

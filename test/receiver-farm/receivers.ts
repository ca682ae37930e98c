/** All receivers of the farm by name. Each has a port of its own. */
import * as broken from './broken.ts'
import * as speaking from './speaking.ts'
import type { Receiver } from './yard.ts'

/** By name, with what each does beside its definition. */
export const receivers = {
  healthy: speaking.healthy,
  slow: speaking.slow,
  flaky: speaking.flaky,
  hanging: speaking.hanging,
  redirecting: speaking.redirecting,
  failing: speaking.failing,
  missing: speaking.missing,
  gone: speaking.gone,
  throttling_seconds: speaking.throttlingSeconds,
  throttling_date: speaking.throttlingDate,
  throttling_nonsense: speaking.throttlingNonsense,
  throttling_forever: speaking.throttlingForever,
  self_signed: speaking.selfSignedReceiver,
  resetting_at_once: broken.resettingAtOnce,
  resetting_in_head: broken.resettingInHead,
  resetting_in_body: broken.resettingInBody,
  closing: broken.closing,
  deaf: broken.deaf,
  huge_honest: broken.hugeHonest,
  huge_lying: broken.hugeLying,
  huge_endless: broken.hugeEndless,
  gzip_bomb: broken.gzipBomb,
  speaking_ssh: broken.speakingSsh,
  garbage: broken.garbage,
  endless_headers: broken.endlessHeaders,
  informational_flood: broken.informationalFlood,
  trickling_head: broken.tricklingHead,
  trickling_body: broken.tricklingBody
} as const satisfies Record<string, Receiver>

/** The name of one of them. */
export type ReceiverName = keyof typeof receivers

/** All names. */
export const receiverNames = Object.keys(receivers) as ReceiverName[]

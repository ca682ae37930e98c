/** Errors of the plugin. docs/errors.md says what to do about each. */
import { defineError, type ForemanError } from '../../core/errors.ts'

/** 426: the address speaks WebSocket alone, and the request asked for no upgrade. */
export const UpgradeRequiredError = defineError({
  code: 'upgrade_required',
  status: 426,
  title: 'Upgrade required',
  message: 'This address speaks WebSocket: ask for an upgrade to it, with the subprotocol foreman.v1',
  retryable: false
})

/** The same with the fields that go with it (RFC 9110 section 15.5.22). */
export function upgradeRequired(): ForemanError {
  return Object.assign(new UpgradeRequiredError(), {
    headers: { upgrade: 'websocket', connection: 'upgrade' }
  })
}

/** 400: the client did not offer the subprotocol. */
export const SubprotocolRequiredError = defineError({
  code: 'subprotocol_required',
  status: 400,
  title: 'Subprotocol required',
  message: 'Offer the subprotocol foreman.v1 in Sec-WebSocket-Protocol',
  retryable: false
})

/** 409: a subscription is named as another one of its socket. Hole: the name. */
export const RefInUseError = defineError<[ref: string]>({
  code: 'ref_in_use',
  status: 409,
  title: 'Ref in use',
  message: "A subscription of this socket is already called '%s'",
  retryable: false
})

/** 429: one socket has so many subscriptions as it may. Hole: that number. */
export const TooManySubscriptionsError = defineError<[most: number]>({
  code: 'too_many_subscriptions',
  status: 429,
  title: 'Too many subscriptions',
  message:
    'This socket has %d subscriptions, which is the limit: end some, or follow many jobs by one of "*"',
  retryable: true
})

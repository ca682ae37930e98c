/** Why a socket is closed. Up to 1999 as RFC 6455 section 7.4.1 has them, from 4000 on ours. */
export const closeCodes = {
  done: 1000,
  restart: 1001,
  internal: 1011,
  badFrame: 4400,
  tokenOver: 4401,
  forbidden: 4403,
  notFound: 4404,
  removed: 4410,
  slowConsumer: 4413,
  rate: 4429
} as const

/** What is said with them, in a few words of one language. */
const longestReasonBytes = 123

/** As much of a reason as a close frame has room for (RFC 6455 section 5.5). Whole characters. */
export function reasonOf(text: string): string {
  let reason = text.slice(0, longestReasonBytes)
  while (Buffer.byteLength(reason) > longestReasonBytes) reason = reason.slice(0, -1)
  return reason.toWellFormed()
}

/** The step between a URL that is allowed and the addresses that are dialled; taken anew at every attempt. */
import { notAllowed } from './faults.ts'
import type { Lookup } from './lookup.ts'
import type { Destination, EgressRules } from './rules.ts'

/** Who judges, who looks up. */
export interface GuardOptions {
  readonly rules: EgressRules
  readonly lookup: Lookup
}

/** The addresses of a destination, all of them checked now. @throws {SendFault} */
export async function checkedAddresses(
  { rules, lookup }: GuardOptions,
  to: Destination,
  signal: AbortSignal
): Promise<readonly string[]> {
  const addresses =
    to.literal !== undefined ? [to.literal] : await lookup(to.host, rules.isListed(to), signal)
  if (!(await rules.mayDial(to, addresses))) throw notAllowed('address')
  return addresses
}

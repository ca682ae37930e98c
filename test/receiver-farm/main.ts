/**
 * The farm as a program: receivers of webhooks, most of them hostile, each on a free port of the loopback address.
 *
 *   node test/receiver-farm/main.ts [--config JSON] [--lowest-priority]
 *
 * Prints its addresses as one line of JSON, sends the same by IPC when forked, and ends on SIGTERM, SIGINT or when
 * the process that forked it is gone.
 */
import { constants, setPriority } from 'node:os'
import { parseArgs } from 'node:util'
import { openFarm } from './farm.ts'

const { values } = parseArgs({
  options: { config: { type: 'string', default: '{}' }, 'lowest-priority': { type: 'boolean' } }
})
if (values['lowest-priority']) setPriority(constants.priority.PRIORITY_LOW)
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.once(signal, () => process.exit())
const addresses = await openFarm(JSON.parse(values.config))
console.log(JSON.stringify(addresses))
process.send?.(addresses)

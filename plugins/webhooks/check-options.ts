/** What its schema cannot tell of the options of the plugin: whether `allow` can be read. */
import type { ConfigFault } from '../../core/settings.ts'
import type { WebhooksConfig } from './config.ts'
import { allowList } from './egress/allow-list.ts'

/** Faults of options that fit the schema, each by the name of its option. */
export function checkOptions({ allow }: Pick<WebhooksConfig, 'allow'>): ConfigFault[] {
  return allow.flatMap(entry => {
    try {
      allowList([entry])
      return []
    } catch (err) {
      return [{ path: 'allow', problem: (err as Error).message }]
    }
  })
}

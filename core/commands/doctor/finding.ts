/** What the doctor can find: every code with its severity. docs/doctor.md tells what each means; a test holds the two together. */

/** `fault`: something does not work, or is not safe. `warning`: it works, and you should know. `ok`: seen, and well. */
export type Severity = 'ok' | 'warning' | 'fault'

/** Severity by code. What stands before the dot is the group. A code keeps its meaning once it is released. */
export const severities = {
  'settings.sound': 'ok',
  'settings.plugin_unusable': 'fault',
  'settings.file_unreadable': 'fault',
  'settings.host_refused': 'fault',
  'settings.auth_off': 'warning',
  'settings.no_tls': 'warning',
  'settings.proxy_unknown': 'fault',
  'settings.proxy_everyone': 'warning',
  'settings.never_due': 'warning',
  'settings.never_reached': 'warning',

  'data.absent': 'ok',
  'data.unusable': 'fault',
  'data.private': 'ok',
  'data.other_owner': 'warning',
  'data.open_to_others': 'warning',
  'data.file_system': 'ok',
  'data.on_network': 'fault',
  'data.in_memory': 'warning',
  'data.room': 'ok',
  'data.disk_low': 'fault',
  'data.quota_reached': 'fault',
  'data.free': 'ok',
  'data.in_use': 'ok',
  'data.schema_current': 'ok',
  'data.schema_older': 'warning',
  'data.schema_newer': 'fault',
  'data.sound': 'ok',
  'data.broken': 'fault',
  'data.not_read_through': 'warning',
  'data.log_large': 'warning',
  'data.key_fits': 'ok',
  'data.key_unusable': 'fault',
  'data.key_open': 'fault',

  'foreman.ready': 'ok',
  'foreman.not_ready': 'fault',
  'foreman.not_running': 'ok',
  'foreman.silent': 'fault',
  'foreman.port_unknown': 'ok',
  'foreman.port_taken': 'fault',
  'foreman.other_data': 'warning',

  'target.answers': 'ok',
  'target.slow': 'warning',
  'target.name_unknown': 'fault',
  'target.refused': 'fault',
  'target.no_route': 'fault',
  'target.tls_failed': 'fault',
  'target.token_refused': 'fault',
  'target.not_ollama': 'fault',
  'target.is_itself': 'fault',
  'target.is_foreman': 'warning',
  'target.version_untested': 'warning',
  'target.token_in_clear': 'warning',
  'target.tls_unchecked': 'warning',

  'clock.agrees': 'ok',
  'clock.off': 'fault',

  'models.installed': 'ok',
  'models.none': 'warning',
  'models.unknown': 'fault',
  'models.embedder': 'ok',
  'models.embedder_none': 'ok',
  'models.embedder_ambiguous': 'warning',
  'models.embedder_missing': 'fault',
  'models.embedder_unfit': 'fault',
  'models.slots_do_not_hold': 'fault',
  'models.loaded': 'ok',
  'models.bypass': 'warning',
  'models.kept_forever': 'warning',
  'models.contexts_agree': 'ok',
  'models.contexts_conflict': 'warning',

  'probe.holds': 'ok',
  'probe.nothing_to_try': 'ok',
  'probe.does_not_hold': 'fault',
  'probe.load_failed': 'fault',

  'exposure.closed': 'ok',
  'exposure.open': 'fault',
  'exposure.no_token': 'warning',

  'webhooks.endpoints': 'ok',
  'webhooks.endpoint_disabled': 'warning'
} as const satisfies Readonly<Record<string, Severity>>

/** A code of {@link severities}. */
export type Code = keyof typeof severities

type CodeOf<S extends Severity> = { [C in Code]: (typeof severities)[C] extends S ? C : never }[Code]

/** One thing the doctor looked at. */
export interface Finding {
  readonly code: Code
  readonly severity: Severity
  /** In a sentence. Never a secret. */
  readonly seen: string
  /** What to do about it; undefined where all is well. */
  readonly mend?: string
}

/** All is well there. */
export function well(code: CodeOf<'ok'>, seen: string): Finding {
  return { code, severity: 'ok', seen }
}

/** Something is not as it should be; `mend` says what to do. */
export function amiss(code: CodeOf<'warning' | 'fault'>, seen: string, mend: string): Finding {
  return { code, severity: severities[code], seen, mend }
}

/** Names in a sentence: each once, in the order of the alphabet. */
export function listed(names: Iterable<string>): string {
  return [...new Set(names)].sort().join(', ')
}

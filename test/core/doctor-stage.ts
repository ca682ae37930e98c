/** What the doctor's tests have in common: the command as a process, and what to look for in its findings. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Finding } from '../../core/commands/doctor/finding.ts'
import { type SettingsPart, settingsOf, temporaryDir } from '../helpers/foreman.ts'
import { type Ended, foreman } from '../plugins/auth/command-line.ts'

/** With these nothing is odd: tokens are asked for, and no foreman is looked for. */
export const plain = { plugins: { auth: {} }, port: 0 } as const satisfies SettingsPart

/** Settings with `part` over what is plain, in a directory of their own. */
export function plainSettings(t: TestContext, part: SettingsPart = {}, dataDir = temporaryDir(t)) {
  return settingsOf(dataDir, 'http://127.0.0.1:9', { ...plain, ...part })
}

/** Codes of what is amiss, in order: what is not among them is silent. */
export function amissOf(findings: readonly Finding[]): string[] {
  return findings.filter(({ severity }) => severity !== 'ok').map(({ code }) => code)
}

/** What one run of the command told. */
export interface Told extends Ended {
  readonly findings: readonly Finding[]
}

/** Runs `foreman doctor --json` with these settings. */
export async function doctor(
  t: TestContext,
  settings: SettingsPart & { readonly data_dir: string },
  ...args: string[]
): Promise<Told> {
  const ended = await runDoctor(t, settings, '--json', ...args)
  return { ...ended, findings: JSON.parse(ended.stdout).findings }
}

/** Runs `foreman doctor` with these settings. */
export function runDoctor(
  t: TestContext,
  settings: SettingsPart & { readonly data_dir: string },
  ...args: string[]
): Promise<Ended> {
  const config = join(temporaryDir(t), 'foreman.yaml')
  writeFileSync(config, JSON.stringify({ ...plain, ...settings }))
  return foreman(['doctor', '--config', config, ...args], { dataDir: settings.data_dir })
}

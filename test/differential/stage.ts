/** A target, a tap and foreman in a row, as the differential tests need them. */
import type { TestContext } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { type SettingsPart, startForeman } from '../helpers/foreman.ts'
import type { Case } from './case.ts'
import type { HttpMessage } from './message-reader.ts'
import { send } from './raw-client.ts'
import { type Exchange, startWiretap, type Wiretap } from './wiretap.ts'

/** Everything that was started; it ends with the test. */
export interface Stage {
  readonly target: FakeOllama
  readonly tap: Wiretap
  /** Base URL of foreman. */
  readonly url: string
}

/** Starts the row. */
export async function setStage(t: TestContext, settings: SettingsPart = {}): Promise<Stage> {
  const target = await startFakeOllama()
  t.after(() => target.stop())
  const tap = await startWiretap(t, target.url)
  const { url } = await startForeman(t, { target: tap.url, settings })
  return { target, tap, url }
}

/** The request with a mark by which the tap finds it. */
export function marked(row: Case, mark: string): Case {
  return { ...row, fields: [...(row.fields ?? []), ['X-Case', mark]] }
}

/** Sends a row through foreman. @returns the answer, and what passed between foreman and the target for it */
export async function sendThrough(
  { url, tap }: Pick<Stage, 'url' | 'tap'>,
  row: Case,
  mark: string
): Promise<{ received: HttpMessage; exchange: Exchange | undefined }> {
  const received = await send(url, marked(row, mark))
  return { received, exchange: tap.exchange('x-case', mark) }
}

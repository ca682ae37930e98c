/** The stage of these tests: foreman before a fake target whose answers take their time, and words to follow its jobs. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { EventObject } from '../../../plugins/jobs/event-object.ts'
import type { FakeConfig } from '../../fake-ollama/start.ts'
import { type Block, type ConnectOptions, connect, type EventStream } from '../../helpers/event-stream.ts'
import type { SettingsPart } from '../../helpers/foreman.ts'
import { type Stage as JobStage, startStage as startJobStage } from '../jobs/stage.ts'

/** What {@link startStage} gives. */
export interface Stage extends JobStage {
  /** Opens a stream that is closed when the test is over. */
  follow(path: string, options?: ConnectOptions): Promise<EventStream>
  /** The blocks of a stream that ends by itself, as {@link kept} has them. */
  all(path: string, options?: ConnectOptions): Promise<Block[]>
}

/** Answers of 40 tokens that take some 0.4 s: time to be followed while they come. */
export const slowly: Partial<FakeConfig> = { token_count: 40, token_delay_ms: 10 }

/** Starts both. `sse`: options of the plugin. */
export async function startStage(
  t: TestContext,
  config: Partial<FakeConfig> = {},
  sse: SettingsPart = {},
  settings: SettingsPart = {}
): Promise<Stage> {
  const plugins = { ...(settings.plugins as SettingsPart | undefined), sse }
  const stage = await startJobStage(t, config, { ...settings, plugins })
  const open: EventStream[] = []
  t.after(() => open.forEach(stream => void stream.close()))
  const follow: Stage['follow'] = async (path, options) => {
    const stream = await connect(stage.url + path, options)
    open.push(stream)
    return stream
  }
  return { ...stage, follow, all: async (path, options) => kept(await (await follow(path, options)).rest()) }
}

/** The blocks without those that come or do not come as time goes by: what is not stored, and heartbeats. */
export function kept(blocks: readonly Block[]): Block[] {
  return blocks.filter(
    ({ id, event, retry }) => id !== undefined || event?.startsWith('stream.') || retry !== undefined
  )
}

/** The types of the blocks that are events. */
export function typesOf(blocks: readonly Block[]): (string | undefined)[] {
  return blocks.filter(({ data }) => data !== undefined).map(({ event }) => event)
}

/** @throws {AssertionError} unless the last block says that the stream ended so */
export function assertEnd(blocks: readonly Block[], reason: string): void {
  assert.deepEqual(blocks.at(-1), { event: 'stream.end', data: JSON.stringify({ reason }) })
}

/** The text of a channel as a client puts it together: each piece belongs at its offset, counted in code points. */
export function textOf(events: readonly EventObject[], channel = 'content'): string {
  let points: string[] = []
  for (const { type, data } of events) {
    if (type === 'job.output_reset') points = []
    if (data.channel !== channel) continue
    points.length = data.offset as number
    for (const point of data.text as string) points.push(point)
  }
  return points.join('')
}

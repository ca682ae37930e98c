/** A standing endpoint beside the URLs that jobs name: it is told of all of them, as far as its filter says. */
import assert from 'node:assert/strict'
import { ends } from './orders.ts'
import type { Stage } from './stage.ts'

/** The path that it is called at. */
export const standingPath = '/standing'

/** What it wants: neither all nor the end alone, so that what failed holds up what is to follow it. */
export const standingEvents = ['job.queued', 'job.working', ...ends]

/** Makes it, at a receiver that fails now and then. @returns its secret, which is told this once */
export async function makeStanding(stage: Stage): Promise<string> {
  const url = stage.farm.url('flaky', standingPath)
  const answer = await fetch(`${await stage.url()}/webhook-endpoints`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, events: standingEvents })
  })
  const text = await answer.text()
  assert.equal(answer.status, 201, text)
  return (JSON.parse(text) as { secret: string }).secret
}

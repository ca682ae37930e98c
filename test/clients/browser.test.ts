/** A real browser follows jobs, by the page of docs/examples/follow and by an EventSource as plain as can be. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { noBrowser, openPage, servePages, startBrowser, type WatchedPage } from './browser.ts'
import { type FollowStage, manyWords, startFollowStage, storedText, word } from './follow-stage.ts'

const folder = join(import.meta.dirname, '..', '..', 'docs', 'examples', 'follow')
const closed = 2
/** More than the pause after which an EventSource connects again, as foreman tells it, and than that of the page. */
const longerThanAPauseMs = 2500
const wordsOf3s = 150

// One browser for all: its start takes longer than a page.
const browser: Promise<Browser> | undefined = noBrowser ? undefined : startBrowser({ after })

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a page follows a job by EventSource and by WebSocket through ${signal} and a start of foreman`, {
    skip: noBrowser
  }, async t => {
    const origin = await servePages(t, folder)
    const stage = await startFollowStage(t, { cors: { origins: [origin] } })
    const id = await stage.submit(manyWords)
    const pages = {
      source: await follow(stage, `${origin}/follow.html`, id, 'EventSource'),
      socket: await follow(stage, `${origin}/follow.html`, id, 'WebSocket')
    }
    const both = Object.values(pages)
    await Promise.all(both.map(page => shows(page, `${word}9`)))
    await stage.restart(signal, () => Promise.all(both.map(isTold)))
    const stored = storedText(await stage.ended(id))
    for (const { page, errors } of both) {
      await page.locator('#status', { hasText: /^done$/ }).waitFor()
      assert.equal(await page.locator('pre[data-channel=content]').textContent(), stored)
      assert.deepEqual(errors, [])
    }
    const [sources, sockets] = [await pages.source.account(), await pages.socket.account()]
    assert.ok(sources.sources.length >= 2, 'a ticket of before the restart opens nothing')
    assert.ok(sources.sources.every(state => state === closed))
    assert.equal(sockets.closeCodes.at(-1), 1000)
    assert.equal(sockets.closeCodes[0], signal === 'SIGTERM' ? 1001 : 1006)
    await assertSilence(stage, ...both)
  })
}

test('an EventSource connects again by itself and goes on where it was, for as long as its ticket is good', {
  skip: noBrowser
}, async t => {
  const origin = await servePages(t, folder)
  const stage = await startFollowStage(t, { cors: { origins: [origin] } }, { sse: { max_duration_s: 1 } })
  await stage.ask('/queue/pause', {})
  const id = await stage.submit(wordsOf3s)
  const { page, requests, account } = await follow(stage, `${origin}/follow.html`, id, 'EventSource')
  await page.locator('#status', { hasText: /^queued$/ }).waitFor()
  await stage.ask('/queue/resume', {})
  const stored = storedText(await stage.ended(id))
  await page.locator('#status', { hasText: /^done$/ }).waitFor()
  assert.equal(await page.locator('pre[data-channel=content]').textContent(), stored)
  assert.deepEqual((await account()).sources, [closed])
  assert.ok(requests.filter(({ pathname }) => pathname === `/jobs/${id}/events`).length >= 2)
})

test('an EventSource that nobody closes is stopped by 204', { skip: noBrowser }, async t => {
  const origin = await servePages(t, folder)
  const stage = await startFollowStage(t, { cors: { origins: [origin] } })
  const id = await stage.submit(10)
  await stage.ended(id)
  const { ticket } = await stage.ask<{ ticket: string }>('/stream-tickets', { job_id: id })
  const watched = await openPage(await browser!, `${origin}/follow.html`)
  await watched.page.evaluate(`new Promise(resolve => {
    const source = new EventSource('${stage.url}/jobs/${id}/events?ticket=${ticket}')
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) resolve() }
  })`)
  const asked = watched.requests.filter(({ pathname }) => pathname === `/jobs/${id}/events`)
  assert.equal(asked.length, 2, 'once for all, and once to be told that nothing is left')
  assert.deepEqual((await watched.account()).sources, [closed])
  await assertSilence(stage, watched)
})

/** Opens the page and fills in its form. */
async function follow(
  { url, token }: FollowStage,
  address: string,
  id: string,
  transport: string
): Promise<WatchedPage> {
  const watched = await openPage(await browser!, address)
  const { page } = watched
  await page.getByLabel('foreman').fill(url)
  await page.getByLabel('Token').fill(token)
  await page.getByLabel('Job').fill(id)
  await page.getByLabel('By').selectOption(transport)
  await page.getByRole('button').click()
  return watched
}

async function shows({ page }: WatchedPage, text: string): Promise<void> {
  await page.locator('pre[data-channel=content]', { hasText: text }).waitFor()
}

/** Waits until the page has said that it has lost foreman. */
async function isTold({ page }: WatchedPage): Promise<void> {
  await page.locator('#status', { hasText: /the connection broke|foreman is away/ }).waitFor()
}

/** That a page asks for nothing more, told by the browser and by foreman, can only be seen by waiting. */
async function assertSilence(stage: FollowStage, ...pages: WatchedPage[]): Promise<void> {
  const counts = () => pages.map(({ requests }) => requests.length)
  const before = counts()
  const taken = await requestsOf(stage)
  assert.ok(taken > 0)
  await sleep(longerThanAPauseMs)
  assert.deepEqual(counts(), before)
  assert.equal(await requestsOf(stage), taken)
}

/** How many requests of streams and for tickets foreman has answered. */
async function requestsOf({ url, token }: FollowStage): Promise<number> {
  const answer = await fetch(new URL('/metrics', url), { headers: { authorization: `Bearer ${token}` } })
  const samples = (await answer.text()).matchAll(
    /^foreman_http_requests_total\{.*route="\/(?:jobs\/:id\/events|ws|stream-tickets)".*\} (\d+)$/gm
  )
  return [...samples].reduce((sum, [, count]) => sum + Number(count), 0)
}

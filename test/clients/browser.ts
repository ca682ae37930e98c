/** A browser for tests, and a page in it that keeps account of its streams. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Scope } from '../helpers/foreman.ts'

const executablePath = '/usr/bin/chromium'

/** Why the tests with a browser cannot run; false where they can. */
export const noBrowser = existsSync(executablePath) ? false : `${executablePath} is not installed`

/** Starts it; it is gone when the test is over. */
export async function startBrowser(t: Scope): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  t.after(() => browser.close())
  return browser
}

/** Serves the files of a folder as another origin than foreman. @returns its base URL */
export async function servePages(t: Scope, dir: string): Promise<string> {
  const server = createServer(async ({ url }, answer) => {
    const content = await readFile(join(dir, url!)).catch(() => undefined)
    answer.writeHead(content === undefined ? 404 : 200, { 'content-type': 'text/html' }).end(content)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a page did with streams. */
export interface StreamAccount {
  /** `readyState` of every EventSource that it made. */
  readonly sources: readonly number[]
  /** The code with which each of its WebSockets was closed; null while it is open. */
  readonly closeCodes: readonly (number | null)[]
}

/** A page with an account. */
export interface WatchedPage {
  readonly page: Page
  /** Addresses that it asked for so far, those of sockets too, in order. */
  readonly requests: readonly URL[]
  /** What its scripts threw. */
  readonly errors: readonly Error[]
  account(): Promise<StreamAccount>
}

/** Opens `url` in a tab of its own. */
export async function openPage(browser: Browser, url: string): Promise<WatchedPage> {
  const page = await (await browser.newContext()).newPage()
  const requests: URL[] = []
  const errors: Error[] = []
  page.on('request', request => requests.push(new URL(request.url())))
  page.on('websocket', socket => requests.push(new URL(socket.url())))
  page.on('pageerror', error => errors.push(error))
  await page.addInitScript(keepAccount)
  await page.goto(url)
  const account = () => page.evaluate<StreamAccount>('accountOfStreams()')
  return { page, requests, errors, account }
}

// Text, as it is for the page: these classes are none of Node's.
const keepAccount = `
  const sources = [], sockets = []
  window.EventSource = class extends EventSource {
    constructor (...args) { super(...args); sources.push(this) }
  }
  window.WebSocket = class extends WebSocket {
    closeCode = null
    constructor (...args) {
      super(...args)
      sockets.push(this)
      this.addEventListener('close', ({ code }) => { this.closeCode = code })
    }
  }
  window.accountOfStreams = () => ({
    sources: sources.map(({ readyState }) => readyState),
    closeCodes: sockets.map(({ closeCode }) => closeCode)
  })
`

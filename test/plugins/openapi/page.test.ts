/** The page works where there is no other host: all it loads comes from foreman, and its policy lets it in. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startForeman, temporaryDir } from '../../helpers/foreman.ts'

const chromium = '/usr/bin/chromium'

const target = 'http://127.0.0.1:9'

/** The sources that a policy allows for a directive. */
function sourcesOf(policy: string, directive: string): string[] {
  const parts = policy.split(';').map(part => part.trim().split(/\s+/))
  const fallback = parts.find(([name]) => name === 'default-src')
  return (parts.find(([name]) => name === directive) ?? fallback ?? []).slice(1)
}

test('/docs loads what foreman itself has, and nothing else', async t => {
  const { url } = await startForeman(t, { target, settings: { plugins: { auth: {} } } })
  const page = await fetch(`${url}/docs`)
  assert.equal(page.status, 200)
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const html = await page.text()
  const policy = page.headers.get('content-security-policy')!
  assert.deepEqual(sourcesOf(policy, 'script-src'), ["'self'"])
  assert.deepEqual(sourcesOf(policy, 'style-src'), ["'self'"])
  assert.deepEqual(sourcesOf(policy, 'connect-src'), ["'self'"])
  assert.deepEqual(sourcesOf(policy, 'font-src'), ["'none'"])
  assert.doesNotMatch(html, /<style|style=|<script>| on\w+=/, 'the policy would stop it')
  const addresses = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, address]) => address!)
  assert.equal(addresses.length, 4)
  for (const address of addresses) {
    const asset = await fetch(new URL(address, `${url}/docs`))
    assert.equal(new URL(asset.url).origin, url)
    assert.equal(asset.status, 200, address)
    assert.equal(asset.headers.get('x-content-type-options'), 'nosniff')
    const text = await asset.text()
    assert.ok(text.length > 0)
    if (address.endsWith('.css')) assert.doesNotMatch(text, /@import|url\(["']?(?!["']?data:)/)
    if (address.endsWith('page.js')) assert.match(text, /url: 'openapi\.json'/)
  }
})

test('a browser draws the page and the groups of operations, under its policy', {
  skip: existsSync(chromium) ? false : `${chromium} is not installed`
}, async t => {
  const { url } = await startForeman(t, { target })
  const profile = temporaryDir(t)
  // Its own clock runs ahead as long as nothing is being fetched or computed: the page is drawn by then.
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=20000', '--dump-dom']
  const { stdout } = await promisify(execFile)(
    chromium,
    [...flags, `--user-data-dir=${profile}`, `${url}/docs`],
    {
      maxBuffer: 1e8
    }
  )
  const { tags } = (await (await fetch(`${url}/openapi.json`)).json()) as { tags: { name: string }[] }
  const shown = [...stdout.matchAll(/id="operations-tag-([^"]+)"/g)].map(([, tag]) => tag)
  assert.deepEqual(
    shown,
    tags.map(({ name }) => name)
  )
})

test('the page is at home below the path of a proxy: its addresses are relative', async t => {
  const { url } = await startForeman(t, { target })
  const html = await (await fetch(`${url}/docs`)).text()
  assert.doesNotMatch(html, /(?:href|src)="(?:\/|[a-z]+:)/)
})

test('switched off, neither is there', async t => {
  const { url } = await startForeman(t, { target, settings: { plugins: { openapi: false } } })
  for (const path of ['/docs', '/openapi.json']) assert.equal((await fetch(url + path)).status, 404, path)
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import { parse } from 'yaml'
import { loadPlugins } from '../../core/plugin-loader.ts'
import type { Settings } from '../../core/settings.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/plugins.md'), 'utf8')

/** The example, loaded from a configuration in docs/, beside a route that answers when it is told to. */
async function serve(t: TestContext, options: Record<string, unknown>) {
  const builtinDir = mkdtempSync(join(tmpdir(), 'foreman-builtin-'))
  t.after(() => rmSync(builtinDir, { recursive: true }))
  const app = Fastify()
  t.after(() => app.close())
  const plugins: Settings['plugins'] = { './examples/plugins/slow-requests.ts': options }
  const names = await loadPlugins(app, plugins, { builtinDir, baseDir: join(ROOT, 'docs') })
  const gate = new EventTarget()
  app.get('/things/:id', async () => {
    const opened = once(gate, 'open')
    gate.dispatchEvent(new Event('waiting'))
    await opened
    return 'done'
  })
  const base = await app.listen({ port: 0, host: '127.0.0.1' })
  const slow = async () =>
    (await (await fetch(`${base}/slow-requests`)).json()) as { data: Record<string, unknown>[] }
  return { base, gate, names, slow }
}

test('the code block on the page is the example file', () => {
  const [, path, code] = /<!-- file: (\S+) -->\n```ts\n([\s\S]*?)```/.exec(PAGE)!
  assert.equal(relative(ROOT, join(ROOT, path!)), 'docs/examples/plugins/slow-requests.ts')
  assert.equal(code, readFileSync(join(ROOT, path!), 'utf8'))
})

test('the configuration on the page has the form of the settings', () => {
  const { plugins } = parse(/```yaml\n([\s\S]*?)```/.exec(PAGE)![1]!) as { plugins: Settings['plugins'] }
  assert.deepEqual(plugins['./plugins-local/slow-requests.ts'], { limit_s: 60 })
  assert.equal(plugins.dashboard, false)
})

test('the example lists the requests that took longer than its limit, the slowest first', async t => {
  const { base, gate, names, slow } = await serve(t, { limit_s: 0, keep: 2 })
  assert.deepEqual(names, ['slow-requests'])
  for (const id of ['1', '2', '3']) {
    const waiting = once(gate, 'waiting')
    const answer = fetch(`${base}/things/${id}`)
    await waiting
    gate.dispatchEvent(new Event('open'))
    assert.equal(await (await answer).text(), 'done')
  }
  const { data } = await slow()
  assert.equal(data.length, 2)
  for (const { method, route, status } of data)
    assert.deepEqual([method, route, status], ['GET', '/things/:id', 200])
  assert.ok((data[0]!.took_s as number) >= (data[1]!.took_s as number))
})

test('the example remembers nothing below its limit', async t => {
  const { slow } = await serve(t, { limit_s: '3600' })
  await slow()
  assert.deepEqual(await slow(), { data: [] })
})

test('the example refuses options it does not know', async t => {
  await assert.rejects(
    serve(t, { limit: 1 }),
    /slow-requests\.ts"\]\.limit: unknown key; the nearest known one is .*limit_s/
  )
})

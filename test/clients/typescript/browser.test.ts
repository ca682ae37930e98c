/** The TypeScript client in a browser, as the module that it is: nothing is bundled. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startRig } from '../../strength/support/rig.ts'
import { noBrowser, openPage, startBrowser } from '../browser.ts'
import { builtDir } from './built.ts'

test('a page hands a job in, and reads its text to the end', { skip: noBrowser }, async t => {
  const pages = await servePackage(t)
  const rig = await startRig(t, {}, { cors: { origins: [pages] } })
  const { page, errors } = await openPage(await startBrowser(t), `${pages}/`)
  const { text, job } = await page.evaluate<{
    text: string
    job: { result: { response: string } }
  }>(`(async () => {
    const { Foreman } = await import('/dist/index.js')
    const foreman = new Foreman({ baseUrl: '${rig.url}' })
    const { id } = await foreman.submit({ model: 'alpha', prompt: 'Why?' })
    let text = ''
    for await (const update of foreman.text(id)) text = update.type === 'reset' ? '' : update.whole
    const changes = []
    return { text, job: await foreman.wait(id, { onChange: job => changes.push(job) }) }
  })()`)
  assert.notEqual(text, '')
  assert.equal(text, job.result.response)
  assert.deepEqual(errors, [])
})

async function servePackage(t: TestContext): Promise<string> {
  const server = createServer(async ({ url }, answer) => {
    if (url === '/') return answer.writeHead(200, { 'content-type': 'text/html' }).end('<title>page</title>')
    const code = await readFile(join(builtDir, url!)).catch(() => undefined)
    return answer.writeHead(code === undefined ? 404 : 200, { 'content-type': 'text/javascript' }).end(code)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

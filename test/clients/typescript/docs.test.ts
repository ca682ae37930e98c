/**
 * What the TypeScript client says of itself: its quick start is pasted as it stands, its API page is what the source says, and
 * its errors tell what to do.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { apiPage } from '../../../clients/typescript/api-docs.ts'
import { paste } from '../../docs/pasted.ts'
import { temporaryDir } from '../../helpers/foreman.ts'
import { startRig } from '../../strength/support/rig.ts'
import { builtDir, commandFile, load } from './built.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const packageDir = join(ROOT, 'clients', 'typescript')

test('the quick start prints what it says', async t => {
  const [, , program, prompts, again] = await paste(t, '../clients/typescript/README.md')
  assert.match(program!, /^tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7\ndone, 8 tokens$/m)
  assert.match(
    prompts!,
    /^20\n\{"line":\d+,"key":"foreman-jobs:[0-9a-f:]+","job_id":"job_\w+","state":"done","text":"tok0 /m
  )
  assert.match(again!, /^20\n0 of \d+ waiting/m)
})

test('api.md is what npm run docs makes', () => {
  assert.equal(readFileSync(join(packageDir, 'api.md'), 'utf8'), apiPage(join(builtDir, 'dist')))
})

test('the examples of the pages are right to the compiler, by the declarations that are shipped', () => {
  const pages = [join(packageDir, 'README.md'), join(ROOT, 'docs', 'clients.md')]
  const examples = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)
  )
  assert.equal(examples.length, 4)
  // Within the package, so that its own name leads to what it exports.
  const dir = join(builtDir, 'examples')
  mkdirSync(dir)
  const files = examples.map((code, n) => {
    const file = join(dir, `${n}.ts`)
    writeFileSync(file, code)
    return file
  })
  // The declarations of ollama itself need those of browsers.
  const options =
    '--ignoreConfig --noEmit --strict --module nodenext --target es2023 --lib es2023,dom --types node'
  execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), [...options.split(' '), ...files], {
    stdio: 'inherit'
  })
})

test('the likely mistakes are told with what to do about them', async t => {
  const { Foreman, verifyWebhook } = await load('index')
  for (const baseUrl of ['127.0.0.1:8080', 'localhost:8080', ''])
    assert.throws(() => new Foreman({ baseUrl }), { name: 'TypeError', message: /such as http:\/\/127/ })
  const { fake } = await startRig(t)
  const job = { model: 'alpha', prompt: 'Why?' }
  const atTarget = new Foreman({ baseUrl: fake.url, retry: false })
  await assert.rejects(atTarget.submit(job), {
    message: "404 page not found (404, not foreman's own answer)"
  })
  await fake.kill()
  await assert.rejects(atTarget.submit(job), {
    message: new RegExp(`^no answer from ${fake.url}: .*ECONNREFUSED`)
  })

  const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': '1', 'webhook-signature': 'v1,AAAA' }
  const parsed = { type: 'job.done' } as unknown as string
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`
  await assert.rejects(verifyWebhook(parsed, headers, secret), { name: 'TypeError', message: /as it came/ })
  for (const wrong of [undefined as unknown as string, '', 'whsec_AAAA', 'whpk_AAAA'])
    await assert.rejects(verifyWebhook('{}', headers, wrong), { name: 'TypeError', message: /^a secret of/ })
})

test('the command tells where its token comes from, what is wrong with a line, and why a job failed', async t => {
  const token = 'a-token-of-this-test'
  const { url } = await startRig(t, {}, { plugins: { auth: { token } } })
  const file = join(temporaryDir(t), 'prompts.ndjson')
  const lines = [
    { prompt: 'a', priority: 'urgent' },
    { prompt: 'b', options: { temperature: 'hot' }, max_attempts: 1 }
  ]
  writeFileSync(file, lines.map(line => JSON.stringify(line)).join('\n'))
  const run = async (token: string): Promise<[number, string]> => {
    const args = [commandFile, 'submit', file, '--model', 'alpha', '--follow']
    const env = { ...process.env, FOREMAN_URL: url, FOREMAN_TOKEN: token }
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    const [told, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    return [code, told]
  }
  const [refused, why] = await run('')
  assert.equal(refused, 3)
  assert.match(why, /401 unauthorized\)\nThe token is what \$FOREMAN_TOKEN says/)
  const [failed, told] = await run(token)
  assert.equal(failed, 1)
  assert.match(told, /^line 1 was refused: \/priority must be one of .* \(validation_failed\)$/m)
  assert.match(told, /^line 2: job_\w+ is failed: .*temperature/m)
})

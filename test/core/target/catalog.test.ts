import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { Catalog, type CatalogChange } from '../../../core/target/catalog.ts'
import { type FakeConfig, startFakeOllama } from '../../fake-ollama/start.ts'
import { startClient, startHttp, unusedUrl } from './servers.ts'

const digest = (digit: string) => digit.repeat(64)

async function startFake(t: TestContext, config: Partial<FakeConfig>) {
  const fake = await startFakeOllama({ ...config })
  t.after(() => fake.kill())
  const catalog = new Catalog(startClient(t, fake.url))
  t.after(() => catalog.close())
  return { fake, catalog }
}

function changesOf(catalog: Catalog): CatalogChange[] {
  const changes: CatalogChange[] = []
  catalog.on('changed', change => changes.push(change))
  return changes
}

/** How often the fake was asked for a path. */
async function count(fake: Awaited<ReturnType<typeof startFakeOllama>>, path: string): Promise<number> {
  return (await fake.state()).requests.filter(request => request.url === path).length
}

test('lookup finds a model in any spelling and knows what decides its runner', async t => {
  const { catalog } = await startFake(t, {
    models: [
      {
        name: 'Base:1b',
        digest: digest('a'),
        weights: digest('1'),
        context_length: 4096,
        parameters: { num_ctx: 2048, stop: ['x'] }
      },
      {
        name: 'me/tuned',
        digest: digest('b'),
        weights: digest('1'),
        family: 'deepseek2',
        system: 'FROM nobody'
      }
    ]
  })
  assert.equal(catalog.peek('base:1b'), undefined, 'nothing is known before the first poll')
  const base = await catalog.lookup(' library/BASE:1B')
  assert.partialDeepStrictEqual(base, {
    name: 'Base:1b',
    digest: digest('a'),
    weights: `sha256:${digest('1')}`,
    parameters: { num_ctx: 2048 },
    capabilities: ['completion'],
    contextLength: 4096,
    format: 'gguf',
    remote: false
  })
  const tuned = catalog.peek('me/tuned:local')
  assert.equal(tuned?.weights, base?.weights)
  assert.deepEqual(tuned?.families, ['deepseek2'])
  assert.deepEqual(
    catalog
      .models()
      .map(model => model.name)
      .sort(),
    ['Base:1b', 'me/tuned:latest']
  )
})

test('a known name costs no call, an unknown one costs one poll for all who ask', async t => {
  const { fake, catalog } = await startFake(t, { models: [{ name: 'a' }] })
  await catalog.lookup('a')
  await catalog.lookup('A:latest')
  assert.equal(await count(fake, '/api/tags'), 1)
  const found = await Promise.all(['x', 'y', 'z', 'x'].map(name => catalog.lookup(name)))
  assert.deepEqual(found, [undefined, undefined, undefined, undefined])
  // The first of the four starts a poll; the others came after its start and share one more.
  assert.equal(await count(fake, '/api/tags'), 3)
  assert.equal(await count(fake, '/api/show'), 1, 'a digest is shown once')
})

test('a model that was pulled a moment ago is found by the poll that its name causes', async t => {
  const { fake, catalog } = await startFake(t, { models: [{ name: 'a' }], remote_models: [{ name: 'new' }] })
  await catalog.refresh()
  await fetch(`${fake.url}/api/pull`, { method: 'POST', body: '{"model":"new","stream":false}' })
  assert.equal((await catalog.lookup('new'))?.name, 'new:latest')
})

test('changed tells of every name that is new, gone or has another digest', async t => {
  const { fake, catalog } = await startFake(t, {
    models: [
      { name: 'stays', digest: digest('a') },
      { name: 'moves', digest: digest('b') },
      { name: 'goes', digest: digest('c') }
    ]
  })
  await catalog.refresh()
  const changes = changesOf(catalog)
  await catalog.refresh()
  assert.equal(changes.length, 0, 'nothing changed')
  await fake.configure({
    models: [
      { name: 'stays', digest: digest('a') },
      { name: 'moves', digest: digest('d') },
      { name: 'comes', digest: digest('b') }
    ]
  })
  await catalog.refresh()
  const told = changes.splice(0).map(({ name, from, to }) => [name, from?.digest[0], to?.digest[0]])
  assert.deepEqual(told.sort(), [
    ['comes:latest', undefined, 'b'],
    ['goes:latest', 'c', undefined],
    ['moves:latest', 'b', 'd']
  ])
})

test('while the target is away the last list holds, marked stale, and is replaced when it is back', async t => {
  const { fake, catalog } = await startFake(t, { models: [{ name: 'a' }] })
  await catalog.refresh()
  assert.equal(catalog.stale, false)
  await fake.kill()
  const failed = once(catalog, 'failed')
  assert.equal(await catalog.lookup('b'), undefined)
  assert.equal((await failed)[0].kind, 'refused')
  assert.equal(catalog.stale, true)
  assert.equal((await catalog.lookup('a'))?.name, 'a:latest')
  await fake.restart()
  await catalog.refresh()
  assert.equal(catalog.stale, false)
})

test('lookup throws only when there never was a list', async t => {
  const catalog = new Catalog(startClient(t, await unusedUrl()))
  await assert.rejects(catalog.lookup('a'), { name: 'TargetError', kind: 'refused' })
  assert.deepEqual(catalog.models(), [])
})

test('names for the cloud are nobody’s, and a stub is not local', async t => {
  const stub = { name: 'stub', remote_host: 'https://ollama.com', remote_model: 'big' }
  const { catalog } = await startFake(t, { models: [{ name: 'a' }, stub] })
  await catalog.refresh()
  assert.equal(catalog.peek('a:cloud'), undefined)
  assert.equal(catalog.peek('stub')?.remote, true)
  assert.equal(catalog.peek('stub:local'), undefined)
  assert.equal(catalog.peek('not a name'), undefined)
})

test('start polls until close', async t => {
  const { fake, catalog } = await startFake(t, { models: [{ name: 'a' }] })
  catalog.start({ tagsMs: 5 })
  await fake.waitFor('request', 4)
  catalog.close()
  assert.ok(catalog.peek('a'))
})

/** A target whose answers a test writes itself. */
async function startScripted(
  t: TestContext,
  answer: (path: string, body: string, req: IncomingMessage) => unknown
): Promise<{ catalog: Catalog; asked: string[] }> {
  const asked: string[] = []
  const url = await startHttp(t, async (req, res) => {
    const body = await text(req)
    asked.push(`${req.url}${body}`)
    const value = answer(req.url!, body, req)
    if (value === undefined) res.writeHead(500).end('{"error":"broken"}')
    else res.end(JSON.stringify(value))
  })
  const catalog = new Catalog(startClient(t, url))
  t.after(() => catalog.close())
  return { catalog, asked }
}

test('a model that cannot be shown stands for itself and is asked for again', async t => {
  let broken = true
  const blob = `sha256-${digest('2')}`
  const { catalog, asked } = await startScripted(t, path => {
    if (path === '/api/tags') return { models: [{ name: 'a:latest', digest: digest('a') }] }
    return broken ? undefined : { modelfile: `# FROM a\n\nFROM /root/.ollama/models/blobs/${blob}\n` }
  })
  assert.equal((await catalog.lookup('a'))?.weights, `sha256:${digest('a')}`)
  broken = false
  const changes = changesOf(catalog)
  await catalog.refresh()
  assert.equal(catalog.peek('a')?.weights, `sha256:${digest('2')}`)
  assert.deepEqual(
    changes.map(({ from, to }) => [from?.weights.at(-1), to?.weights.at(-1)]),
    [['a', '2']]
  )
  await catalog.refresh()
  assert.equal(asked.filter(each => each.startsWith('/api/show')).length, 2)
})

test('adapters and projectors are told from the weights, and text of the model from all of them', async t => {
  const path = (digit: string) => `/models/blobs/sha256-${digest(digit)}`
  const modelfile = [
    '# Modelfile generated by "ollama show"',
    `# FROM ${path('0')}`,
    '',
    `FROM ${path('1')}`,
    `ADAPTER "${path('2')}"`,
    `FROM ${path('3')}`,
    'TEMPLATE """',
    `FROM ${path('4')}`,
    '"""'
  ].join('\n')
  const { catalog } = await startScripted(t, asked =>
    asked === '/api/tags' ? { models: [{ name: 'a', digest: digest('a') }] } : { modelfile }
  )
  const model = await catalog.lookup('a')
  assert.equal(model?.weights, `sha256:${digest('1')}`)
  assert.deepEqual(model?.attachments, [`sha256:${digest('2')}`, `sha256:${digest('3')}`])
})

test('an old server without capabilities: the model that pools embeds', async t => {
  const { catalog } = await startScripted(t, (path, body) => {
    const names = ['embedder', 'writer']
    if (path === '/api/tags')
      return { models: names.map((name, at) => ({ name, digest: digest(String(at)) })) }
    const pools = body.includes('embedder')
    return { model_info: { 'x.context_length': 512, ...(pools ? { 'x.pooling_type': 1 } : {}) } }
  })
  assert.deepEqual((await catalog.lookup('embedder'))?.capabilities, ['embedding'])
  assert.deepEqual((await catalog.lookup('writer'))?.capabilities, ['completion'])
  assert.equal(catalog.peek('writer')?.contextLength, 512)
})

const garbage: [what: string, answer: unknown][] = [
  ['a text', 'hello'],
  ['no models', {}],
  ['models of another type', { models: 'many' }]
]
for (const [what, answer] of garbage) {
  test(`tags that answers ${what} is a failed poll`, async t => {
    const { catalog } = await startScripted(t, () => answer)
    await assert.rejects(catalog.refresh(), { kind: 'protocol' })
  })
}

test('entries that make no sense are passed over, an empty list is a list', async t => {
  const entries = [
    null,
    7,
    {},
    { name: 'no digest' },
    { name: 'bad name!', digest: 'x' },
    { model: 'a', digest: 'y', details: null }
  ]
  let models: unknown = entries
  const { catalog } = await startScripted(t, path => (path === '/api/tags' ? { models } : {}))
  await catalog.refresh()
  assert.deepEqual(
    catalog.models().map(model => [model.name, model.families]),
    [['a', ['']]]
  )
  models = null
  await catalog.refresh()
  assert.deepEqual(catalog.models(), [])
})

test('close ends a poll in progress without telling of a failure', async t => {
  const arrived = Promise.withResolvers<void>()
  const url = await startHttp(t, () => arrived.resolve())
  const catalog = new Catalog(startClient(t, url))
  catalog.on('failed', error => assert.fail(error))
  const poll = assert.rejects(catalog.refresh(), { kind: 'aborted' })
  await arrived.promise
  catalog.close()
  await poll
})

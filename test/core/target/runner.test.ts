import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LoadOptions, parseParameters } from '../../../core/target/load-options.ts'
import {
  isRunnerOf,
  loadRequest,
  type RunnerModel,
  runnerOf,
  unloadRequest
} from '../../../core/target/runner.ts'

const WEIGHTS = `sha256:${'0123456789abcdef'.repeat(4)}`
const SHORT = 'sha256:0123456789ab'
const model: RunnerModel = {
  weights: WEIGHTS,
  attachments: [],
  parameters: {},
  families: ['llama'],
  capabilities: ['completion'],
  contextLength: 131_072,
  format: 'gguf'
}

function keyOf(loadOptions: LoadOptions = {}, changes: Partial<RunnerModel> = {}, shift?: boolean): string {
  return runnerOf({ ...model, ...changes }, { loadOptions, shift }).key
}

const keys: [what: string, key: string, wanted: string][] = [
  ['nothing explicit', keyOf(), SHORT],
  ['options in one order', keyOf({ num_gpu: 1, num_ctx: 8192 }), `${SHORT}+num_ctx=8192,num_gpu=1`],
  ['use_mmap', keyOf({ use_mmap: false }), `${SHORT}+use_mmap=false`],
  ['negative num_gpu is no wish', keyOf({ num_gpu: -1 }), SHORT],
  ['num_gpu 0 is the CPU', keyOf({ num_gpu: 0 }), `${SHORT}+num_gpu=0`],
  ['num_thread 0 is no wish', keyOf({ num_thread: 0 }), SHORT],
  ['main_gpu 0 is the first GPU', keyOf({ main_gpu: 0 }), `${SHORT}+main_gpu=0`],
  ['num_ctx beyond the training length', keyOf({ num_ctx: 1_000_000 }), `${SHORT}+num_ctx=131072`],
  ['num_ctx below the least', keyOf({ num_ctx: 0 }), `${SHORT}+num_ctx=4`],
  [
    'num_ctx below the least for vision',
    keyOf({ num_ctx: 512 }, { capabilities: ['vision'] }),
    `${SHORT}+num_ctx=2048`
  ],
  [
    'unknown training length',
    keyOf({ num_ctx: 1_000_000 }, { contextLength: undefined }),
    `${SHORT}+num_ctx=1000000`
  ],
  ['a PARAMETER', keyOf({}, { parameters: { num_ctx: 4096 } }), `${SHORT}+num_ctx=4096`],
  [
    'a request over a PARAMETER',
    keyOf({ num_ctx: 8192 }, { parameters: { num_ctx: 4096 } }),
    `${SHORT}+num_ctx=8192`
  ],
  ['automatic over a PARAMETER', keyOf({ num_gpu: -1 }, { parameters: { num_gpu: 9 } }), SHORT],
  ['shift true is the default', keyOf({}, {}, true), SHORT],
  ['shift false', keyOf({}, {}, false), `${SHORT}+shift=false`],
  ['deepseek2 does not shift', keyOf({}, { families: ['deepseek2'] }), `${SHORT}+shift=false`],
  ['deepseek2 told to', keyOf({}, { families: ['deepseek2'] }, true), SHORT],
  [
    'adapters',
    keyOf({ num_ctx: 8 }, { attachments: [`sha256:${'f'.repeat(64)}`] }),
    `${SHORT}+with=sha256:ffffffffffff,num_ctx=8`
  ],
  ['safetensors have no options', keyOf({ num_ctx: 8 }, { format: 'safetensors' }, false), SHORT]
]
for (const [what, key, wanted] of keys) test(`runner key: ${what}`, () => assert.equal(key, wanted))

test('a runner is loaded with the values as they were given, so that the target sees the same wish', () => {
  const runner = runnerOf(
    { ...model, parameters: { num_gpu: 9, num_batch: 64 } },
    { loadOptions: { num_gpu: -1, num_ctx: 1_000_000 }, shift: false }
  )
  assert.deepEqual(loadRequest('m:1b', runner, '30m'), {
    path: '/api/generate',
    body: {
      model: 'm:1b',
      prompt: '',
      stream: false,
      keep_alive: '30m',
      options: { num_gpu: -1, num_batch: 64, num_ctx: 1_000_000 },
      shift: false
    }
  })
})

test('what is not explicit is not sent', () => {
  const { body } = loadRequest('m', runnerOf(model, { loadOptions: {}, shift: undefined }), '-1')
  assert.equal(JSON.stringify(body), '{"model":"m","keep_alive":-1,"prompt":"","stream":false}')
})

test('a model that only embeds is loaded through embed', () => {
  const embedder = { ...model, capabilities: ['embedding'] }
  const call = loadRequest('e', runnerOf(embedder, { loadOptions: { num_ctx: 512 }, shift: undefined }), -1)
  assert.equal(call.path, '/api/embed')
  assert.equal(
    JSON.stringify(call.body),
    '{"model":"e","keep_alive":-1,"options":{"num_ctx":512},"input":[]}'
  )
  const both = { ...model, capabilities: ['embedding', 'completion'] }
  assert.equal(
    loadRequest('b', runnerOf(both, { loadOptions: {}, shift: undefined }), -1).path,
    '/api/generate'
  )
})

test('a runner is its model’s whatever the load options, but not that of a model with other adapters', () => {
  const adapted = { ...model, attachments: [`sha256:${'ab'.repeat(32)}`] }
  const optionsOf = [{}, { num_ctx: 8192 }, { num_ctx: 8192, num_gpu: 1 }]
  for (const loadOptions of optionsOf) {
    assert.ok(isRunnerOf(model, keyOf(loadOptions)))
    assert.ok(isRunnerOf(adapted, keyOf(loadOptions, adapted)))
    assert.ok(!isRunnerOf(adapted, keyOf(loadOptions)))
    assert.ok(!isRunnerOf(model, keyOf(loadOptions, adapted)))
  }
  assert.ok(isRunnerOf(model, keyOf({}, {}, false)))
  assert.ok(!isRunnerOf({ ...model, weights: `sha256:${'f'.repeat(64)}` }, keyOf()))
})

test('unloading is an empty generate with keep_alive 0', () => {
  assert.deepEqual(unloadRequest('m'), {
    path: '/api/generate',
    body: { model: 'm', prompt: '', stream: false, keep_alive: 0 }
  })
})

test('parameters are read as /api/show writes them', () => {
  const text = [
    'num_ctx                        131072',
    'num_batch                      1.048576e+06',
    'stop                           "<|im_end|>"',
    'stop                           "num_gpu 7"',
    'use_mmap                       false',
    'temperature                    0.7',
    'main_gpu                       0'
  ].join('\n')
  assert.deepEqual(parseParameters(text), {
    num_ctx: 131072,
    num_batch: 1_048_576,
    use_mmap: false,
    main_gpu: 0
  })
  assert.deepEqual(parseParameters(''), {})
})

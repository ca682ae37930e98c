import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RunnerModel, runnerOf } from '../../../core/target/runner.ts'
import { contextOf, weightsOf, withContext } from '../../../core/target/runner-context.ts'
import fc from '../../helpers/fast-check.ts'

const digest = (digit: string) => `sha256:${digit.repeat(64)}`
const model: RunnerModel = {
  ...{ weights: digest('a'), attachments: [], parameters: {}, families: ['llama'] },
  ...{ capabilities: ['completion'], contextLength: 131_072, format: 'gguf' }
}

test('property: the key with another context is that of the runner with another num_ctx', () => {
  const options = fc.record(
    {
      num_ctx: fc.integer({ min: 4, max: 131_072 }),
      num_gpu: fc.nat(99),
      num_batch: fc.nat(512),
      use_mmap: fc.boolean()
    },
    { requiredKeys: [] }
  )
  const attachments = fc.array(fc.constantFrom(digest('b'), digest('c')), { maxLength: 2 })
  const shift = fc.constantFrom(undefined, true, false)
  const context = fc.integer({ min: 4, max: 131_072 })
  fc.assert(
    fc.property(options, attachments, shift, context, (loadOptions, blobs, shifts, raised) => {
      const made = { ...model, attachments: blobs }
      const { key } = runnerOf(made, { loadOptions, shift: shifts })
      assert.equal(contextOf(key), loadOptions.num_ctx)
      assert.equal(weightsOf(key), 'sha256:aaaaaaaaaaaa')
      const other = runnerOf(made, { loadOptions: { ...loadOptions, num_ctx: raised }, shift: shifts }).key
      assert.equal(withContext(key, raised), other)
    })
  )
})

test('the runner of a model that was never listed has no context', () => {
  assert.equal(contextOf('name:registry.ollama.ai/library/alpha:latest'), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Limits } from '../../../core/access/caller.ts'
import { priorityFor, requireModel } from '../../../core/access/limits.ts'
import { priorities } from '../../../core/jobs/priority.ts'

const limitedTo = (limits: Limits) => ({ limits })

/** Which of `names` the list lets pass. */
function passing(models: readonly string[], names: readonly string[]): string[] {
  return names.filter(name => {
    try {
      requireModel(limitedTo({ models }), name)
      return true
    } catch (err) {
      assert.equal((err as { wireCode?: string }).wireCode, 'model_not_allowed')
      return false
    }
  })
}

test('without a top every class may be asked for, and the default is the default', () => {
  for (const asked of priorities) assert.equal(priorityFor(limitedTo({}), asked, 'batch'), asked)
  assert.equal(priorityFor(limitedTo({}), undefined, 'interactive'), 'interactive')
})

test('a class above the top is refused where it is asked for, and lowered where it is the default', () => {
  const caller = limitedTo({ topPriority: 'normal' })
  assert.equal(priorityFor(caller, 'normal', 'batch'), 'normal')
  assert.equal(priorityFor(caller, 'batch', 'normal'), 'batch')
  assert.equal(priorityFor(caller, undefined, 'interactive'), 'normal')
  assert.equal(priorityFor(caller, undefined, 'batch'), 'batch')
  assert.throws(() => priorityFor(caller, 'interactive', 'batch'), {
    wireCode: 'priority_not_allowed',
    statusCode: 403,
    message: 'The priority interactive is above what this token may have; its highest is normal'
  })
})

const spellings = [
  'llama3.2',
  'llama3.2:latest',
  'LLaMA3.2:Latest',
  ' llama3.2 ',
  'library/llama3.2',
  'registry.ollama.ai/library/llama3.2:latest',
  'https://registry.ollama.ai/library/llama3.2',
  'llama3.2:local'
]

test('a model is allowed in every spelling that the target reads as the same name', () => {
  for (const listed of spellings) assert.deepEqual(passing([listed], spellings), spellings, listed)
})

test('what is not on the list is refused, however near it is', () => {
  const others = [
    'llama3.2:1b',
    'llama3',
    'llama3.2-copy',
    'fans/llama3.2',
    'hf.co/library/llama3.2',
    'llama3.2:cloud',
    'llama3.2:latest-cloud',
    'llama3.2:local:cloud',
    'no name'
  ]
  assert.deepEqual(passing(['llama3.2'], others), [])
  assert.deepEqual(passing([], [...others, ...spellings]), [])
  assert.deepEqual(passing(['no name', 'llama3.2:cloud:cloud'], ['no name', 'llama3.2']), [])
})

test('a cloud model is allowed by its own name alone', () => {
  const names = ['gpt-oss:120b', 'gpt-oss:120b-cloud', 'gpt-oss:120b-Cloud', 'gpt-oss:cloud']
  assert.deepEqual(passing(['gpt-oss:120b-cloud'], names), ['gpt-oss:120b-cloud', 'gpt-oss:120b-Cloud'])
})

test('a star at the end stands for any rest of the short form', () => {
  const names = ['llama3.2', 'Llama3.3:70b', 'fans/llama', 'hf.co/fans/llama:Q4', 'smollm2:135m', 'no name']
  assert.deepEqual(passing(['llama*'], names), ['llama3.2', 'Llama3.3:70b'])
  assert.deepEqual(passing(['LLAMA3.2:*'], names), ['llama3.2'])
  assert.deepEqual(passing(['fans/*'], names), ['fans/llama'])
  assert.deepEqual(passing(['https://hf.co/*'], names), ['hf.co/fans/llama:Q4'])
  assert.deepEqual(passing(['*'], names), names.slice(0, -1))
  assert.deepEqual(passing(['*llama', 'l*a3.2'], names), [])
})

test('a star after the default host or namespace stays below it', () => {
  const names = ['llama3.2', 'fans/llama', 'hf.co/fans/llama']
  assert.deepEqual(passing(['library/*'], names), ['llama3.2'])
  assert.deepEqual(passing(['Registry.Ollama.ai/library/ll*'], names), ['llama3.2'])
  assert.deepEqual(passing(['registry.ollama.ai/*'], names), ['llama3.2', 'fans/llama'])
})

test('a request that names no model is left to the target', () => {
  requireModel(limitedTo({ models: [] }), '')
})

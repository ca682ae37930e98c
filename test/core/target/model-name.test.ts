import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseModelName } from '../../../core/target/model-name.ts'

const valid: [text: string, key: string, display: string][] = [
  ['llama3.2', 'registry.ollama.ai/library/llama3.2:latest', 'llama3.2:latest'],
  ['Llama3.2:1B', 'registry.ollama.ai/library/llama3.2:1b', 'Llama3.2:1B'],
  [' \u0085llama3.2\n', 'registry.ollama.ai/library/llama3.2:latest', 'llama3.2:latest'],
  ['library/a', 'registry.ollama.ai/library/a:latest', 'a:latest'],
  ['me/a', 'registry.ollama.ai/me/a:latest', 'me/a:latest'],
  ['Registry.Ollama.ai/Library/a', 'registry.ollama.ai/library/a:latest', 'a:latest'],
  ['hf.co/User/Repo-GGUF:Q4_K_M', 'hf.co/user/repo-gguf:q4_k_m', 'hf.co/User/Repo-GGUF:Q4_K_M'],
  ['https://host:5000/ns/a', 'host:5000/ns/a:latest', 'host:5000/ns/a:latest'],
  ['host:5000/ns/a', 'host:5000/ns/a:latest', 'host:5000/ns/a:latest'],
  ['_a', 'registry.ollama.ai/library/_a:latest', '_a:latest'],
  [`${'a'.repeat(80)}`, `registry.ollama.ai/library/${'a'.repeat(80)}:latest`, `${'a'.repeat(80)}:latest`],
  ['gpt-oss-cloud', 'registry.ollama.ai/library/gpt-oss-cloud:latest', 'gpt-oss-cloud:latest'],
  ['cloud', 'registry.ollama.ai/library/cloud:latest', 'cloud:latest']
]
for (const [text, key, display] of valid) {
  test(`${JSON.stringify(text)} is ${display}`, () => {
    assert.deepEqual(parseModelName(text), { key, display, cloud: false, local: false })
  })
}

const sources: [text: string, display: string, source: 'cloud' | 'local'][] = [
  ['a:cloud', 'a:latest', 'cloud'],
  ['a:20b:Cloud', 'a:20b', 'cloud'],
  ['a:20b-cloud', 'a:20b', 'cloud'],
  ['a:20b-CLOUD ', 'a:20b', 'cloud'],
  ['a: cloud', 'a:latest', 'cloud'],
  ['me/a:local', 'me/a:latest', 'local'],
  ['a:20b:LOCAL', 'a:20b', 'local']
]
for (const [text, display, source] of sources) {
  test(`${JSON.stringify(text)} is ${display} from ${source}`, () => {
    const name = parseModelName(text)
    assert.deepEqual(
      [name?.display, name?.cloud, name?.local],
      [display, source === 'cloud', source === 'local']
    )
  })
}

const invalid = [
  '',
  ' ',
  ':a',
  'a:',
  '/a',
  'a/',
  'a//b',
  'a b',
  'a:b:c',
  'a@sha256:0123',
  '-a',
  '.a',
  'a:-b',
  'a.b/c',
  'b/c/d/e/f:g:h',
  'é',
  '\ufeffa',
  '../a',
  'http://a/b',
  '//host/ns/a',
  'a'.repeat(81),
  `a:${'b'.repeat(81)}`,
  `${'h'.repeat(351)}/ns/a`,
  'a:cloud:cloud',
  'a:local:cloud',
  'a:20b-cloud:local',
  'a:-cloud',
  ':cloud'
]
for (const text of invalid) {
  test(`${JSON.stringify(text.slice(0, 30))} is no name`, () => assert.equal(parseModelName(text), undefined))
}

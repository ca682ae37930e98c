import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTargetUrl } from '../../core/settings/target-url.ts'

test('the address of the target is read as Ollama reads OLLAMA_HOST', () => {
  const expected: Record<string, string> = {
    '': 'http://127.0.0.1:11434',
    '1.2.3.4': 'http://1.2.3.4:11434',
    '1.2.3.4:1234': 'http://1.2.3.4:1234',
    ':1234': 'http://127.0.0.1:1234',
    'example.com': 'http://example.com:11434',
    'http://example.com': 'http://example.com',
    'http://example.com:11434': 'http://example.com:11434',
    'https://example.com': 'https://example.com',
    'https://example.com:1234/': 'https://example.com:1234',
    'example.com/ollama': 'http://example.com:11434/ollama',
    'example.com:1234/a/b/': 'http://example.com:1234/a/b',
    'example.com:66000': 'http://example.com:11434',
    'https://example.com:no': 'https://example.com',
    ' "box:1" ': 'http://box:1',
    ' " 1.2.3.4 " ': 'http://1.2.3.4:11434',
    "'box'": 'http://box:11434',
    ':66000': 'http://127.0.0.1:11434',
    ':-1': 'http://127.0.0.1:11434',
    '[::1]': 'http://[::1]:11434',
    '0.0.0.0': 'http://127.0.0.1:11434',
    '0.0.0.0:1': 'http://127.0.0.1:1',
    '::': 'http://[::1]:11434',
    '::1': 'http://[::1]:11434',
    '[::1]:2': 'http://[::1]:2',
    '[::]:2': 'http://[::1]:2'
  }
  for (const [text, url] of Object.entries(expected))
    assert.equal(parseTargetUrl(text), url, JSON.stringify(text))
  for (const text of [
    'ftp://a',
    'http://u:p@a',
    'u@a',
    'http://a b',
    'http://a/?q',
    'http://a/#f',
    'unix:///x'
  ]) {
    assert.equal(parseTargetUrl(text), undefined, text)
  }
})

/** The document is sound by the recommended rules of a public linter (Redocly). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { startForeman } from '../../helpers/foreman.ts'

/** Warnings that stay, by rule and place, with the reason. */
const accepted: Readonly<Record<string, readonly string[]>> = {
  // Open, without a body or a parameter: there is nothing to refuse.
  // What goes well there is no answer but a socket.
  'operation-2xx-response': ['/ws'],
  'operation-4xx-response': ['/healthz', '/readyz', '/openapi.json', '/docs', '/webhook-keys', '/']
}

const unescaped = (pointer: string) => pointer.replaceAll('~1', '/').replaceAll('~0', '~')

async function lint(text: string): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source: text, absoluteRef: '/openapi.json', config })
  return problems.flatMap(({ ruleId, message, location }) => {
    const pointer = unescaped(location[0]?.pointer ?? '')
    const isAccepted = accepted[ruleId]?.some(path => pointer === `#/paths/${path}/get/responses`)
    return isAccepted ? [] : [`${ruleId}: ${message} at ${pointer}`]
  })
}

for (const auth of [{}, false]) {
  test(`the document has no fault a linter would find, auth ${auth === false ? 'off' : 'on'}`, async t => {
    const { url } = await startForeman(t, { target: 'http://127.0.0.1:9', settings: { plugins: { auth } } })
    const answer = await fetch(`${url}/openapi.json`)
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
    const text = await answer.text()
    assert.deepEqual(await lint(text), [])
    // The linter is awake.
    assert.notDeepEqual(await lint(text.replaceAll('"summary"', '"sumary"')), [])
  })
}

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import * as errors from '../../core/errors.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** What a caller can count on: code, status, whether to retry, and after how many seconds. */
type Row = readonly [code: string, status: string, retryable: string, retryAfter: string]

function rowsOfPage(): Row[] {
  const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
  const rows = page.matchAll(/^\| `(\w+)` \| (\d+) \| (yes|no) \| (\d+|–) \| [^|]+ \| [^|]+ \|$/gm)
  return sorted(
    [...rows].map(([, code, status, retryable, after]): Row => [code!, status!, retryable!, after!])
  )
}

/** Reads the definitions as text, so that those of plugins count as well without being loaded. */
function rowsOfSources(): Row[] {
  const texts = globSync('{core,plugins}/**/*.ts', { cwd: ROOT }).map(path =>
    readFileSync(join(ROOT, path), 'utf8')
  )
  const definitions = texts.flatMap(text => [
    ...text.matchAll(/= defineError(?:<.*?>)?\(\{([\s\S]*?)\n\}\)/g)
  ])
  const rows = definitions.map(([, body]): Row => {
    const value = (key: string) => new RegExp(`^  ${key}: '?(\\w+)'?,?$`, 'm').exec(body!)?.[1]
    return [
      value('code')!,
      value('status')!,
      value('retryable') === 'true' ? 'yes' : 'no',
      value('retryAfterS') ?? '–'
    ]
  })
  return sorted(rows)
}

/** The same of what core really exports. */
function rowsOfExports(): Row[] {
  const classes = Object.entries(errors).filter(([name]) => name.endsWith('Error') && /^[A-Z]/.test(name))
  const rows = classes.map(([, Kind]): Row => {
    const error = new (Kind as new () => errors.ForemanError)()
    const after = error.retryAfterS === undefined ? '–' : String(error.retryAfterS)
    return [error.wireCode, String(error.statusCode), error.retryable ? 'yes' : 'no', after]
  })
  return sorted(rows)
}

function sorted(rows: Row[]): Row[] {
  return rows.sort(([a], [b]) => a.localeCompare(b))
}

test('docs/errors.md lists every error that is defined, and no other', () => {
  assert.deepEqual(rowsOfPage(), rowsOfSources())
})

test('every error of core is exported from core/errors.ts as it is written down', () => {
  const page = rowsOfPage()
  const exported = rowsOfExports()
  assert.ok(exported.length >= 20)
  assert.deepEqual(
    exported,
    page.filter(([code]) => exported.some(([name]) => name === code))
  )
  const inCore = ['catalog', 'runs'].flatMap(
    name => readFileSync(join(ROOT, `core/errors/${name}.ts`), 'utf8').match(/defineError[<(]/g)!
  )
  assert.equal(exported.length, inCore.length)
})

test('no two errors share a code', () => {
  const codes = rowsOfSources().map(([code]) => code)
  assert.equal(new Set(codes).size, codes.length)
})

import assert from 'node:assert/strict'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { loadSettings } from '../../core/settings.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm
/** What npm runs without a script of that name. */
const BUILT_IN = ['ci', 'install']

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const pages = () => globSync('{*.md,docs/**/*.md,deploy/**/*.md,clients/**/*.md}', { cwd: ROOT })

/** What a page tells to run: in its code blocks and code spans. */
function npmCommands(page: string): string[] {
  const code = [...page.matchAll(FENCE), ...page.replace(FENCE, '').matchAll(/(`)([^`\n]+)`/g)]
  return code.flatMap(([, , text]) =>
    [...text!.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map(([, command]) => command!)
  )
}

/** The anchor of a heading, made as GitHub makes it. */
function slug(heading: string): string {
  const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
  return words
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

function anchorsOf(page: string): string[] {
  return [...page.replace(FENCE, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading!))
}

/** Links inside the repository that lead nowhere, for the page at `path`. */
function brokenLinks(path: string, page: string): string[] {
  const links = [...page.replace(FENCE, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
  return links
    .filter(link => !/^[a-z]+:/.test(link))
    .filter(link => {
      const [file, anchor] = link.split('#') as [string, string?]
      const target = join(dirname(path), file)
      if (file !== '' && !existsSync(join(ROOT, target))) return true
      return anchor !== undefined && !anchorsOf(file === '' ? page : read(target)).includes(anchor)
    })
}

/** Files of the repository that a page names in code spans and that are not there. */
function missingFiles(page: string): string[] {
  const named = page.matchAll(
    /`((?:core|plugins|test|docs|deploy|clients)\/[\w./-]+\.(?:ts|md|yaml|sql|service))`/g
  )
  return [...named].map(([, file]) => file!).filter(file => !existsSync(join(ROOT, file)))
}

test('every npm command on the front pages exists', () => {
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts)
  for (const path of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']) {
    const unknown = npmCommands(read(path)).filter(
      name => !scripts.includes(name) && !BUILT_IN.includes(name)
    )
    assert.deepEqual(unknown, [], path)
  }
  assert.deepEqual(npmCommands('npm may `npm ci && npm run demo -- --once`'), ['ci', 'demo'])
})

test('every link between pages resolves, anchors included', () => {
  const found = pages()
  assert.ok(found.includes('README.md') && found.length > 5)
  for (const path of found) assert.deepEqual(brokenLinks(path, read(path)), [], path)
})

test('every file that a page names is there', () => {
  for (const path of pages()) assert.deepEqual(missingFiles(read(path)), [], path)
})

test('the rules on links notice what is broken', () => {
  const page =
    '# Read: on `x`\n[a](README.md) [b](docs/none.md#x) [c](#read-on-x) [d](#none) [e](https://x.example)'
  assert.deepEqual(brokenLinks('x.md', page), ['docs/none.md#x', '#none'])
  assert.deepEqual(brokenLinks('docs/x.md', '[a](../README.md#configure-it) [b](README.md)'), ['README.md'])
  assert.deepEqual(missingFiles('`core/app.ts` `core/none.ts` `none.ts`'), ['core/none.ts'])
})

test('the configuration in the README is valid', t => {
  const yaml = [...read('README.md').matchAll(FENCE)].find(([, language]) => language === 'yaml')![2]!
  const cwd = mkdtempSync(join(tmpdir(), 'foreman-readme-'))
  t.after(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'foreman.yaml'), yaml)
  const settings = loadSettings({ env: {}, cwd })
  assert.equal(settings.target.url, 'http://gpu-box:11434')
  assert.deepEqual(Object.keys(settings.plugins), ['./plugins-local/slow-requests.ts'])
})

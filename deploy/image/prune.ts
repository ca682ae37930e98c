/**
 * Takes out of a `node_modules` what a running foreman never reads: a step of the image's build.
 *
 *   node prune.ts node_modules
 *
 * Licences stay. Ends with 1 where a path that is named here is not there: then a package has changed, and what it has
 * now is to be looked at, rather than grow the image unseen.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Beside a package's own package.json. */
const folders = ['test', 'tests', 'docs', 'benchmark', 'benchmarks', 'example', 'examples', '.github', '.tap']
const notRead = /\.(map|md|markdown|d\.[cm]?ts)$/i
const licence = /^(licen[cs]e|notice|copying)/i

/** The binary of this system; that of the musl C library and of other systems go. */
const binary = `linux-${process.arch}.node`
/** SQLite's source and what compiles it: the binary is ready made. */
const sources = ['deps', 'src', 'binding.gyp']

const [root] = process.argv.slice(2)
if (root === undefined) throw new Error('usage: prune.ts node_modules')
for (const dir of packagesIn(root)) for (const name of folders) remove(join(dir, name))
for (const file of filesIn(root)) if (notRead.test(file) && !licence.test(basename(file))) remove(file)
pruneSqlite(join(root, 'better-sqlite3'))

function pruneSqlite(dir: string): void {
  const prebuilds = join(dir, 'prebuilds')
  for (const path of [...sources.map(name => join(dir, name)), join(prebuilds, binary)]) {
    if (!existsSync(path)) throw new Error(`${path} is not there: has better-sqlite3 changed?`)
  }
  for (const name of sources) remove(join(dir, name))
  for (const name of readdirSync(prebuilds)) if (name !== binary) remove(join(prebuilds, name))
}

function packagesIn(dir: string): string[] {
  return filesIn(dir)
    .filter(file => basename(file) === 'package.json' && isPackage(dirname(file)))
    .map(file => dirname(file))
}

/** A folder right below a `node_modules`, or below a scope in it: others that have a package.json are parts. */
function isPackage(dir: string): boolean {
  const above = dirname(dir)
  return basename(above) === 'node_modules' || (basename(above).startsWith('@') && isPackage(above))
}

function filesIn(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

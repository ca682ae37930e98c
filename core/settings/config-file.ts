/**
 * Finds foreman.yaml and reads it into a tree of plain values.
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseDocument, type YAMLError } from 'yaml'
import { isTree, type Tree } from './check.ts'
import { ConfigError, type ConfigFault } from './config-error.ts'

const DEFAULT_NAME = 'foreman.yaml'

/**
 * The absolute path of the file to read: the one named, else foreman.yaml in `cwd` if there is one.
 * @throws {ConfigError} when the one named is not there.
 */
export function locateConfigFile(named: string | undefined, cwd: string): string | undefined {
  const path = resolve(cwd, named ?? DEFAULT_NAME)
  if (existsSync(path)) return path
  if (named === undefined) return undefined
  throw new ConfigError([{ path, problem: 'expected a configuration file, found nothing' }])
}

/**
 * Reads a YAML file whose top level is a mapping. A key with nothing after it counts as not given, except that
 * the bare name of a plugin asks for that plugin.
 * @throws {ConfigError} on a file that cannot be read, on YAML that is not valid, and on a key given twice.
 */
export function readConfigFile(path: string): Tree {
  const value = parse(path, readText(path))
  if (value === null) return {}
  if (isTree(value)) return withoutEmpty(withPluginsAskedFor(value))
  throw new ConfigError([{ path, problem: 'expected a map of keys at the top, found something else' }])
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError([
      { path, problem: `expected a file that can be read: ${(error as Error).message}` }
    ])
  }
}

function parse(path: string, text: string): unknown {
  const document = parseDocument(text)
  const faults = yamlFaults(path, text, [...document.errors, ...document.warnings])
  if (faults.length > 0) throw new ConfigError(faults)
  try {
    return document.toJS()
  } catch (error) {
    // What can go wrong only here: an alias without its anchor, or aliases that multiply without end.
    throw new ConfigError([{ path, problem: (error as Error).message }])
  }
}

/** Keys given twice are all told; of other faults only the first, since most that follow come from it. */
function yamlFaults(path: string, text: string, errors: readonly YAMLError[]): ConfigFault[] {
  const firstOther = errors.find(({ code }) => code !== 'DUPLICATE_KEY')
  const told = errors.filter(error => error.code === 'DUPLICATE_KEY' || error === firstOther)
  return told.map(error => {
    const line = error.linePos?.[0].line ?? 1
    return { path: `${path}:${line}`, problem: yamlProblem(error, text, line) }
  })
}

function yamlProblem({ code, message, pos }: YAMLError, text: string, line: number): string {
  if (code === 'DUPLICATE_KEY') return `the key ${keyAt(text, pos[0])} is there twice`
  // The parser adds the place, which the path already tells, and a picture of the line.
  const problem = message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
  const isReference = text.split('\n')[line - 1]?.includes('${')
  return isReference ? `${problem} (inside braces or brackets a variable must be in quotes)` : problem
}

function keyAt(text: string, offset: number): string {
  return /^[^\s:]+/.exec(text.slice(offset))?.[0] ?? 'here'
}

function withPluginsAskedFor(tree: Tree): Tree {
  if (!isTree(tree.plugins)) return tree
  const plugins = Object.entries(tree.plugins).map(([name, options]) => [name, options ?? {}])
  return { ...tree, plugins: Object.fromEntries(plugins) }
}

function withoutEmpty(tree: Tree): Tree {
  const given = Object.entries(tree).filter(([, value]) => value !== null)
  return Object.fromEntries(given.map(([key, value]) => [key, isTree(value) ? withoutEmpty(value) : value]))
}

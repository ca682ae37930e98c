/**
 * Writes api.md out of what `go doc -all` says of both modules, so that the comments in the source are the only text:
 * `node clients/go/api-docs.ts`. The headings are those of types and functions; everything else is as Go prints it.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The page, made by this `go`. @throws {Error} where an exported name has no comment */
export function apiPage(go = 'go'): string {
  const parts = [
    '# API of the Go client',
    'Made by `node clients/go/api-docs.ts` from the comments in the source.',
    ...packageParts('foreman', docOf(go, import.meta.dirname)),
    ...packageParts('llm', docOf(go, join(import.meta.dirname, 'llm')))
  ]
  return `${parts.join('\n\n')}\n`
}

function docOf(go: string, cwd: string): string[] {
  return execFileSync(go, ['doc', '-all', '.'], { cwd, encoding: 'utf8' }).split('\n')
}

const section = /^(CONSTANTS|VARIABLES|FUNCTIONS|TYPES)$/
/** Constants of a type stand behind it, and have no heading. */
const sectionHeadings: Readonly<Record<string, string>> = {
  CONSTANTS: '### Constants',
  VARIABLES: '### Variables'
}

function packageParts(name: string, [, ...lines]: string[]): string[] {
  const begin = lines.findIndex(line => section.test(line))
  const intro = lines.slice(0, begin).map(line => markdown(line.replace(/^# /, '### ')))
  const parts = [`## Package ${name}`, intro.join('\n').trim()]
  for (let at = begin; at < lines.length; ) {
    const line = lines[at]!
    const heading = sectionHeadings[line]
    if (heading !== undefined) parts.push(heading)
    if (line === '' || section.test(line)) at += 1
    else at = addDeclaration(parts, lines, at)
  }
  return parts
}

/** @returns the line behind it */
function addDeclaration(parts: string[], lines: string[], at: number): number {
  const open = /[({]$/.test(lines[at]!)
  const last = open ? lines.findIndex((line, n) => n > at && /^[)}]/.test(line)) : at
  const rest = lines.slice(last + 1)
  const length = rest.findIndex(line => line !== '' && !line.startsWith('    '))
  const comment = rest.slice(0, length < 0 ? rest.length : length).map(line => markdown(line.slice(4)))
  const code = lines.slice(at, last + 1).map(line => line.replaceAll('\t', '  '))
  const text = comment.join('\n').trim()
  const heading = headingOf(code[0]!)
  if (heading !== undefined && text === '') throw new Error(`no comment: ${code[0]}`)
  if (heading !== undefined) parts.push(`### ${heading}`)
  if (text !== '') parts.push(text)
  parts.push(`\`\`\`go\n${code.join('\n')}\n\`\`\``)
  return last + 1 + comment.length
}

/** Undefined for constants and variables, which stand where Go puts them. */
function headingOf(code: string): string | undefined {
  const [, receiver, func, type] = /^(?:func (?:\(\w+ \*?(\w+)\) )?(\w+)|type (\w+))/.exec(code) ?? []
  return receiver === undefined ? (func ?? type) : `${receiver}.${func}`
}

// What Go writes as it is and Markdown would read; not in lines of code.
function markdown(line: string): string {
  return line.startsWith('    ') ? line : line.replace(/[*<]/g, '\\$&')
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'api.md'), apiPage())

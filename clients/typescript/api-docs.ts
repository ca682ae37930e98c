/**
 * Writes api.md out of the declarations that the build has made, so that the comments in the source are the only text:
 * `npm run docs`. What is exported by `index.d.ts` comes in the order of its modules, then what `ollama.d.ts` has.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Declaration {
  readonly name: string
  /** Text of its comment, without the stars. */
  readonly comment: string
  readonly code: string
}

/** The page for the declarations in a folder. @throws {Error} where an export has no comment */
export function apiPage(dist: string): string {
  const index = readFileSync(join(dist, 'index.d.ts'), 'utf8')
  const modules = [...index.matchAll(/^export (?:type )?\{(.*?)\} from '(.*?)';$/gms)]
  const main = modules.flatMap(([, names, from]) => {
    const wanted = new Set(names!.split(',').map(name => name.trim().replace(/^type /, '')))
    return declarationsIn(join(dist, from!.replace(/\.[jt]s$/, '.d.ts'))).filter(({ name }) =>
      wanted.has(name)
    )
  })
  const parts = [
    '# API of foreman-jobs',
    'Made by `npm run docs` from the comments in the source.',
    '## foreman-jobs',
    ...main.map(shown),
    '## foreman-jobs/ollama',
    ...declarationsIn(join(dist, 'ollama.d.ts')).map(shown)
  ]
  return `${parts.join('\n\n')}\n`
}

function declarationsIn(file: string): Declaration[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.flatMap((line, at) => {
    const name = /^export (?:declare )?(?:class|interface|type|function|const) (\w+)/.exec(line)?.[1]
    if (name === undefined) return []
    return [{ name, comment: commentAbove(lines, at, file), code: codeFrom(lines, at) }]
  })
}

function commentAbove(lines: readonly string[], at: number, file: string): string {
  if (!lines[at - 1]?.endsWith('*/')) throw new Error(`${file}: no comment above: ${lines[at]}`)
  const begin = lines.findLastIndex((line, n) => n < at && line.startsWith('/**'))
  const text = lines.slice(begin, at).map(line => line.replace(/^\s*(\/\*\*|\*\/|\*) ?|\s*\*\/$/g, ''))
  return text.join('\n').trim()
}

// A declaration ends on the first line that is not indented and closes something.
function codeFrom(lines: readonly string[], at: number): string {
  const end = lines.findIndex((line, n) => n >= at && /^\S.*;$|^\}$/.test(line))
  const own = lines.slice(at, end + 1).filter(line => !/^\s+#private;$/.test(line))
  return own
    .map(line =>
      line
        .replace(/^export (declare )?/, '')
        .replace(/^( +)/, indent => ' '.repeat(Math.ceil(indent.length / 2)))
    )
    .join('\n')
}

function shown({ name, comment, code }: Declaration): string {
  return `### ${name}\n\n${comment}\n\n\`\`\`ts\n${code}\n\`\`\``
}

if (import.meta.main) {
  const dist = join(import.meta.dirname, 'dist')
  writeFileSync(join(import.meta.dirname, 'api.md'), apiPage(dist))
}

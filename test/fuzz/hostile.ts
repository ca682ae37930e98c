/** JSON that was made to hurt. Some of it no `JSON.stringify` can write, so it stands as a word until it is text. */

const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

/** Texts that take the place of a value. */
export const hostileTexts: Readonly<Record<string, string>> = {
  infinite: '1e999',
  tiny: '-1e-400',
  precise: '12345678901234567890.123456789',
  billion: '1e9',
  negative: '-1',
  half: '0.5',
  'deep list': deep(3000),
  'too deep list': deep(100_000),
  'deep object': `${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`,
  prototype: '{"__proto__":{"polluted":1}}',
  'prototype by constructor': '{"constructor":{"prototype":{"polluted":1}}}',
  'names of methods': '{"toString":1,"valueOf":1,"hasOwnProperty":1,"then":1,"toJSON":1}',
  'half a character': '"\\ud800"',
  'no character': '"\\u0000"',
  'lines in a string': '"a\\r\\nb\\u2028c"',
  'long string': `"${'x'.repeat(10_000)}"`,
  'long name': `{"${'k'.repeat(10_000)}":1}`,
  'many names': `{${Array.from({ length: 5000 }, (_, n) => `"n${n}":0`)}}`,
  'a name twice': '{"model":"alpha","model":"beta"}',
  'empty list': '[]',
  'empty object': '{}',
  null: 'null'
}

const marker = (name: string) => `@text:${name}@`

/** Words that become {@link hostileTexts} in {@link toText}. */
export const hostileWords = Object.keys(hostileTexts).map(marker)

/** Names that mean something to JavaScript, or to nobody. */
export const hostileNames = [
  '__proto__',
  'constructor',
  'toString',
  '',
  '\u0000',
  'k'.repeat(10_000),
  'request',
  'é~/'
]

/** JSON of a value, its words replaced. */
export function toText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null'
  return text.replace(/"@text:([^"@]+)@"/g, (word, name) => hostileTexts[name] ?? word)
}

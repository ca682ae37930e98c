/** Reads the examples of docs/clients.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const page = join(import.meta.dirname, '..', '..', 'docs', 'clients.md')
const fence = /^```(\w+)\n(.*?)^```$/gms

/** The examples in one language, with `url` where the page has its address. */
export function examplesIn(language: string, url: string): string[] {
  const found = [...readFileSync(page, 'utf8').matchAll(fence)].filter(([, name]) => name === language)
  return found.map(([, , code]) => code!.replaceAll('http://127.0.0.1:8080', url))
}

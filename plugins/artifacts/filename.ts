/** Names of files as senders give them: kept to be shown, never as a path. */
import { parse } from 'content-disposition'

const longestName = 255
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out, and what turns text around
const unwanted = /[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** The name in a `Content-Disposition` (RFC 6266), or null. */
export function filenameOf(disposition: string | undefined): string | null {
  if (disposition === undefined) return null
  return cleanFilename(parse(asUtf8(disposition)).parameters.filename)
}

/** The last part of a path, without what is not to be seen; null where nothing is left of it. */
export function cleanFilename(name: string | undefined): string | null {
  const last = (name ?? '').toWellFormed().replaceAll(unwanted, '').split(/[/\\]/).at(-1)!.trim()
  const cut = [...last].slice(0, longestName).join('')
  return /^\.{0,2}$/.test(cut) ? null : cut
}

/** Node reads header bytes as Latin-1; most senders mean UTF-8. */
function asUtf8(header: string): string {
  const text = Buffer.from(header, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? header : text
}

/**
 * Redirects: of paths with empty or dotted segments, and of a slash too many or too few.
 * Source: Go `net/http` (ServeMux, Redirect), gin (RedirectTrailingSlash).
 */
import { STATUS_CODES } from 'node:http'
import type { Call } from './call.ts'

/** A path without empty and dotted segments; a slash at its end stays. */
export function cleanPath(path: string): string {
  if (!/\/\/|\/\.\.?(?:\/|$)/.test(path)) return path
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const end = path.endsWith('/') && kept.length > 0 ? '/' : ''
  return `/${kept.join('/')}${end}`
}

/** Sends the client to another path, its query kept. */
export function redirect(call: Call, status: number, path: string): void {
  const { method, url = '' } = call.request
  const location = path + url.slice(call.path.length)
  const page = `<a href="${location.replaceAll('&', '&amp;')}">${STATUS_CODES[status]}</a>.\n\n`
  if (method === 'GET' || method === 'HEAD') call.wire.header('Content-Type', 'text/html; charset=utf-8')
  call.wire.header('Location', location)
  call.wire.reply(status, undefined, method === 'GET' ? page : '')
}

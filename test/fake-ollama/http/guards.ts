/**
 * What Ollama checks before it looks at the path: who asks (`Origin`) and for whom (`Host`).
 * Source: gin-contrib/cors as set up in ollama/ollama `server/routes.go`, and `allowedHostsMiddleware`.
 */
import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import { hostname } from 'node:os'
import type { FakeConfig } from '../config.ts'
import type { Wire } from './wire.ts'

const LOCAL_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d+)?$/
const APP_ORIGIN = /^(?:app|file|tauri|vscode-webview|vscode-file):\/\//
const METHODS = 'GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS'
const HEADERS =
  'Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout'
const PREFLIGHT_AGE_S = 12 * 3600

/** Answers what the guards answer: a refusal or a preflight. True when it did. */
export function guard(request: IncomingMessage, wire: Wire, config: FakeConfig): boolean {
  const { origin, host } = request.headers
  if (config.check_origin && origin !== undefined && !sameOrigin(origin, host)) {
    if (!originAllowed(origin, config.origins)) return answer(wire, 403)
    wire.header('Access-Control-Allow-Origin', config.origins.includes('*') ? '*' : origin)
    if (!config.origins.includes('*')) wire.header('Vary', 'Origin')
    if (request.method === 'OPTIONS') return answerPreflight(wire)
  }
  if (!config.check_host) return false
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase()
  if (isPrivateAddress(name)) return false
  if (!hostAllowed(name)) return answer(wire, 403)
  return request.method === 'OPTIONS' && answer(wire, 204)
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}

function originAllowed(origin: string, further: string[]): boolean {
  if (further.includes('*') || further.includes(origin)) return true
  return LOCAL_ORIGIN.test(origin) || APP_ORIGIN.test(origin)
}

function answerPreflight(wire: Wire): boolean {
  wire.header('Access-Control-Allow-Headers', HEADERS)
  wire.header('Access-Control-Allow-Methods', METHODS)
  wire.header('Access-Control-Max-Age', String(PREFLIGHT_AGE_S))
  wire.header('Vary', ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers'])
  return answer(wire, 204)
}

function answer(wire: Wire, status: number): true {
  wire.reply(status, undefined)
  return true
}

function isPrivateAddress(name: string): boolean {
  if (name.startsWith('[')) return /^\[(?:::1?|f[cd][0-9a-f:]*)\]$/.test(name)
  return isIPv4(name) && /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.0\.0\.0$)/.test(name)
}

function hostAllowed(name: string): boolean {
  if (name === '' || name === 'localhost' || name === hostname().toLowerCase()) return true
  return ['.localhost', '.local', '.internal'].some(suffix => name.endsWith(suffix))
}

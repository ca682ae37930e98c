/**
 * Keeps web pages out while there are no tokens: being reachable from this machine only is no lock against a page
 * that its browser shows. The rules are those with which Ollama itself guards a loopback address.
 * Source: ollama/ollama server/routes.go, `allowedHostsMiddleware`, and envconfig/config.go, `AllowedOrigins`.
 */
import { BlockList, isIP } from 'node:net'
import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { ForeignPageError } from './errors.ts'

const localNames = ['localhost', hostname().toLowerCase()]
const localEndings = ['.localhost', '.local', '.internal']
const originNames = ['localhost', '127.0.0.1', '0.0.0.0']
const appSchemes = ['app:', 'file:', 'tauri:', 'vscode-webview:', 'vscode-file:']

const nearAddresses = new BlockList()
nearAddresses.addSubnet('127.0.0.0', 8, 'ipv4')
nearAddresses.addSubnet('10.0.0.0', 8, 'ipv4')
nearAddresses.addSubnet('172.16.0.0', 12, 'ipv4')
nearAddresses.addSubnet('192.168.0.0', 16, 'ipv4')
nearAddresses.addAddress('0.0.0.0', 'ipv4')
nearAddresses.addAddress('::1', 'ipv6')
nearAddresses.addSubnet('fc00::', 7, 'ipv6')

/** Refuses requests for a foreign `Host` (a rebound name) or from a foreign `Origin` (another site's page). */
export function addBrowserGuard(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ headers }) => {
    if (headers.host !== undefined && !isNearHost(headers.host))
      throw new ForeignPageError('host', headers.host)
    if (headers.origin !== undefined && !isLocalOrigin(headers.origin)) {
      throw new ForeignPageError('origin', headers.origin)
    }
  })
}

function isNearHost(host: string): boolean {
  const name = parse(`http://${host}`)
    ?.hostname.replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
  if (name === undefined) return false
  const family = isIP(name)
  if (family !== 0) return nearAddresses.check(name, family === 4 ? 'ipv4' : 'ipv6')
  return localNames.includes(name) || localEndings.some(ending => name.endsWith(ending))
}

function isLocalOrigin(origin: string): boolean {
  const url = parse(origin)
  if (url === undefined) return false
  if (appSchemes.includes(url.protocol)) return true
  return /^https?:$/.test(url.protocol) && originNames.includes(url.hostname)
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

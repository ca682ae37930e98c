/**
 * Keeps web pages out while there are no tokens: being reachable from this machine only is no lock against a page
 * that its browser shows. The rules are those with which Ollama itself guards a loopback address.
 * Source: ollama/ollama server/routes.go, `allowedHostsMiddleware`, and envconfig/config.go, `AllowedOrigins`.
 */
import { BlockList, isIP } from 'node:net'
import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Access } from './access/access.ts'
import { isListedOrigin } from './cors.ts'
import { ForeignPageError } from './errors.ts'
import type { Settings } from './settings.ts'

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

/**
 * While callers are not told apart, refuses requests for a foreign `Host` (a rebound name; not where foreman is open to
 * everyone, by whatever name) and from a foreign `Origin` (another site's page) that `cors.origins` does not list.
 */
export function addBrowserGuard(
  app: FastifyInstance,
  access: Access,
  { cors, open_to_everyone }: Pick<Settings, 'cors' | 'open_to_everyone'>
): void {
  app.addHook('onRequest', async ({ headers: { host, origin } }) => {
    if (access.guarded) return
    if (host !== undefined && !open_to_everyone && !isNearHost(host)) throw new ForeignPageError('host', host)
    if (origin !== undefined && !isLocalOrigin(origin) && !isListedOrigin(cors, origin)) {
      throw new ForeignPageError('origin', origin)
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

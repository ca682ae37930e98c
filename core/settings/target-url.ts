/**
 * The address of the target, read as Ollama reads OLLAMA_HOST.
 *
 * No scheme means http and port 11434; `http://` means 80 and `https://` 443. A port that is no port gives the
 * default. Source: ollama/ollama envconfig/config.go, func Host.
 */
import { isIP, isIPv6 } from 'node:net'

const DEFAULT_PORT = { none: '11434', http: '80', https: '443' } as const

/**
 * @returns the full URL without a closing slash (a path is kept), or undefined where there is no http address
 *   in the text, or where it carries a user and a password, which belong in `target.token`.
 */
export function parseTargetUrl(text: string): string | undefined {
  const bare = text.replace(/^[\s"']+|[\s"']+$/g, '')
  const [, scheme, rest] = /^(?:(\w[\w+.-]*):\/\/)?([\s\S]*)$/.exec(bare)!
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') return undefined
  const slash = rest!.indexOf('/')
  const hostAndPort = slash === -1 ? rest! : rest!.slice(0, slash)
  const path = slash === -1 ? '' : rest!.slice(slash)
  const url = `${scheme ?? 'http'}://${address(hostAndPort, DEFAULT_PORT[scheme ?? 'none'])}${path}`
  return URL.canParse(url) && !/[@?#]/.test(rest!) ? withoutClosingSlash(new URL(url)) : undefined
}

function address(hostAndPort: string, defaultPort: string): string {
  const [, host, port] = isIP(hostAndPort)
    ? [undefined, hostAndPort, undefined]
    : (/^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(hostAndPort) ?? [undefined, hostAndPort, undefined])
  const usablePort = port !== undefined && /^\d+$/.test(port) && Number(port) <= 65_535 ? port : defaultPort
  return `${reachable(host!.replace(/^\[|\]$/g, ''))}:${usablePort}`
}

/** "Every address" is something to listen on; to a client it means this machine. */
function reachable(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return isIPv6(host) ? `[${host}]` : host
}

function withoutClosingSlash(url: URL): string {
  return url.href.replace(/\/+$/, '')
}

/** The settings, as far as they are fine each by itself and odd together. A file that is wrong in itself ends every command. */
import { BlockList, isIP } from 'node:net'
import Fastify from 'fastify'
import { ConfigError, requireLoopback, type Settings } from '../../settings.ts'
import { amiss, type Finding, well } from './finding.ts'

/** What is odd in the settings. */
export function examineSettings(settings: Settings): Finding[] {
  return [...access(settings), ...proxies(settings), ...limits(settings)]
}

/** Looks as a start would, whether only this machine can connect. */
export function isLocalOnly(settings: Settings): boolean {
  try {
    requireLoopback({ host: settings.host, open_to_everyone: false })
    return true
  } catch (err) {
    if (err instanceof ConfigError) return false
    throw err
  }
}

function access(settings: Settings): Finding[] {
  const { host, trust_proxy, open_to_everyone } = settings
  const local = isLocalOnly(settings)
  if (settings.plugins.auth === false) {
    if (!local && !open_to_everyone) {
      const mend = 'switch plugins.auth on, or set host to 127.0.0.1'
      return [
        amiss('settings.host_refused', `a start is refused: plugins.auth is off and host is ${host}`, mend)
      ]
    }
    const who = local ? 'every process of this machine' : 'everybody who can connect'
    return [
      amiss('settings.auth_off', `plugins.auth is off: ${who} has every scope`, 'switch plugins.auth on')
    ]
  }
  if (local || trust_proxy.length > 0)
    return [well('settings.sound', local ? `foreman listens on ${host} alone` : 'callers come by a proxy')]
  const seen = `foreman listens on ${host}, where tokens and prompts come in clear`
  const mend =
    'put TLS in front and name the proxy in trust_proxy (docs/proxies.md); fine on a network of your own'
  return [amiss('settings.no_tls', seen, mend)]
}

/** Prefixes shorter than this take in networks of strangers. */
const shortestPrefix = 8

function proxies({ trust_proxy }: Settings): Finding[] {
  const findings: Finding[] = []
  for (const entry of trust_proxy) {
    if (!isReadable(entry))
      findings.push(
        amiss(
          'settings.proxy_unknown',
          `trust_proxy has "${entry}", which a start refuses`,
          'name addresses or nets of your proxies (CIDR)'
        )
      )
    else if (takesInEverybody(entry))
      findings.push(
        amiss(
          'settings.proxy_everyone',
          `trust_proxy has ${entry}: any caller can say which address it has`,
          'name the addresses of your proxies alone'
        )
      )
  }
  return findings
}

/** As the server itself reads it at the start. */
function isReadable(entry: string): boolean {
  try {
    Fastify({ trustProxy: [entry] })
    return true
  } catch {
    return false
  }
}

function takesInEverybody(entry: string): boolean {
  const [address, prefix] = entry.split('/')
  if (prefix === undefined || isIP(address!) === 0) return false
  return (
    !isPrivateNet.check(address!, isIP(address!) === 4 ? 'ipv4' : 'ipv6') && Number(prefix) < shortestPrefix
  )
}

const isPrivateNet = new BlockList()
isPrivateNet.addSubnet('127.0.0.0', 8, 'ipv4')
isPrivateNet.addSubnet('fc00::', 7, 'ipv6')

function limits({
  queue,
  limits: { attached_start_timeout_s, run_timeout_s, ...others }
}: Settings): Finding[] {
  const findings: Finding[] = []
  const { interactive } = queue.patience_s
  if (interactive >= attached_start_timeout_s) {
    const seen = `a call that holds its connection gives up after ${attached_start_timeout_s} s, before it is due after ${interactive} s`
    const mend = 'set queue.patience_s.interactive well below limits.attached_start_timeout_s'
    findings.push(amiss('settings.never_due', seen, mend))
  }
  for (const name of ['stall_timeout_s', 'first_token_timeout_s'] as const) {
    if (others[name] < run_timeout_s) continue
    const seen = `limits.${name} (${others[name]}) is never reached: limits.run_timeout_s (${run_timeout_s}) ends the run first`
    findings.push(amiss('settings.never_reached', seen, `set limits.run_timeout_s above limits.${name}`))
  }
  return findings
}

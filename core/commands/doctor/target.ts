/** The target: can it be reached, does it let foreman in, is it an Ollama, and of a version that is known to go. */
import { isIP } from 'node:net'
import type { Settings } from '../../settings.ts'
import { type TargetClient, TargetError } from '../../target/client.ts'
import { record, text } from '../../target/loose-json.ts'
import { type Answer, ask } from './ask.ts'
import { examineClock } from './clock.ts'
import { amiss, type Finding, well } from './finding.ts'
import { isForeman } from './running.ts'

/** Ollama versions that foreman was held against (docs/fake-ollama.md): from the first on, in major and minor. */
const tested = { from: [0, 13], to: [0, 33] } as const
const slowMs = 1000

/** What was seen of it. */
export interface SeenTarget {
  readonly findings: readonly Finding[]
  /** It answers as Ollama does, so that it can be asked further. */
  readonly usable: boolean
}

/** Asks the target for its version, as foreman would. */
export async function examineTarget(client: TargetClient, settings: Settings): Promise<SeenTarget> {
  if (isOwn(client.url, settings)) return { findings: [itself(client.url)], usable: false }
  const odd = transport(client.url, settings)
  try {
    const answer = await ask(client, '/api/version')
    const judged = await judge(client, answer)
    const clock = examineClock('the target', answer.aheadMs)
    return { ...judged, findings: [...odd, ...judged.findings, ...clock] }
  } catch (err) {
    if (!(err instanceof TargetError)) throw err
    return { findings: [...odd, noAnswer(client.url, err)], usable: false }
  }
}

/** Whether a host is this machine by its name alone. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}

function isOwn({ hostname, port }: URL, settings: Settings): boolean {
  return Number(port) === settings.port && isLoopbackHost(hostname)
}

function itself({ host }: URL): Finding {
  const mend = 'set target.url to the Ollama server; give foreman another port where both want the same'
  return amiss(
    'target.is_itself',
    `the target at ${host} is foreman's own address: no call would ever end`,
    mend
  )
}

function transport(url: URL, { target }: Settings): Finding[] {
  const findings: Finding[] = []
  const hasToken = target.token !== undefined || target.token_file !== undefined
  if (hasToken && url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    const seen = `the token for ${url.host} goes over the network in clear`
    findings.push(
      amiss('target.token_in_clear', seen, 'reach the target by https, or on a network of your own alone')
    )
  }
  if (url.protocol === 'https:' && !target.tls.reject_unauthorized) {
    const seen = `any certificate of ${url.host} is taken: target.tls.reject_unauthorized is off`
    findings.push(
      amiss('target.tls_unchecked', seen, 'name the authority in target.tls.ca_file and switch the check on')
    )
  }
  return findings
}

async function judge(client: TargetClient, { status, json, tookMs }: Answer): Promise<SeenTarget> {
  const { host } = client.url
  if (status === 401 || status === 403) return { findings: [tokenRefused(client, status)], usable: false }
  const version = text(record(json).version)
  if (status !== 200 || version === '') {
    const seen = `what answers at ${host} is no Ollama: GET /api/version gave ${status}${status === 200 ? ' without a version' : ''}`
    return {
      findings: [amiss('target.not_ollama', seen, 'set target.url (or OLLAMA_HOST) to the Ollama server')],
      usable: false
    }
  }
  const answers = well('target.answers', `Ollama ${version} answers at ${host} in ${Math.round(tookMs)} ms`)
  return {
    findings: [answers, ...speed(host, tookMs), ...judgeVersion(version), ...(await chained(client))],
    usable: true
  }
}

function tokenRefused(client: TargetClient, status: number): Finding {
  const seen = `the target at ${client.url.host} refuses foreman (${status})`
  const mend =
    status === 401
      ? 'set target.token or target.token_file (FOREMAN_TARGET_TOKEN) to one that it takes'
      : 'set a target.token that it takes; without a proxy before it: reach Ollama by an address, since on loopback it refuses foreign names'
  return amiss('target.token_refused', seen, mend)
}

function speed(host: string, tookMs: number): Finding[] {
  if (tookMs < slowMs) return []
  const mend = 'look at the network and at what else that machine does: each swap asks it several times'
  return [amiss('target.slow', `${host} took ${Math.round(tookMs)} ms to tell its version`, mend)]
}

/** A newer one is only named: most are fine, and each would be a warning for weeks. */
function judgeVersion(version: string): Finding[] {
  const [major, minor] = version.split('.').map(Number)
  if (!Number.isInteger(major) || !Number.isInteger(minor)) return []
  const [leastMajor, leastMinor] = tested.from
  if (major! > leastMajor || (major === leastMajor && minor! >= leastMinor)) return []
  const seen = `foreman was tested with Ollama ${tested.from.join('.')} to ${tested.to.join('.')}, and this is ${version}`
  return [amiss('target.version_untested', seen, 'upgrade Ollama')]
}

/** A foreman passes `/api/version` on, so it is told by what Ollama has not. */
async function chained(client: TargetClient): Promise<Finding[]> {
  if (!isForeman(await ask(client, '/healthz'))) return []
  const seen = `what answers at ${client.url.host} is a foreman: its queue and this one decide over the same GPU`
  return [amiss('target.is_foreman', seen, 'set target.url to the Ollama server itself')]
}

function noAnswer(url: URL, err: TargetError): Finding {
  const code = (err.cause as NodeJS.ErrnoException | undefined)?.code ?? ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return amiss(
      'target.name_unknown',
      `the name ${url.hostname} does not resolve (${code})`,
      'mend target.url, or the DNS of this machine'
    )
  if (code === 'ECONNREFUSED')
    return amiss(
      'target.refused',
      `nothing listens at ${url.host}`,
      'start Ollama there, or mend the port in target.url; jobs wait meanwhile'
    )
  if (err.kind === 'refused' && isTlsFailure(url, code))
    return amiss('target.tls_failed', `no TLS with ${url.host}: ${err.message}`, tlsMend(url))
  if (err.kind === 'refused' || err.kind === 'unreachable')
    return amiss(
      'target.no_route',
      `no answer from ${url.host}: ${err.message}`,
      'wake that machine, or open its firewall for this one; jobs wait meanwhile'
    )
  return amiss(
    'target.not_ollama',
    `what answers at ${url.host} does not speak HTTP as Ollama does: ${err.message}`,
    'mend target.url: scheme and port'
  )
}

function isTlsFailure({ protocol }: URL, code: string): boolean {
  return protocol === 'https:' && !/^E(TIMEDOUT|HOSTUNREACH|NETUNREACH|HOSTDOWN)$/.test(code)
}

function tlsMend({ hostname }: URL): string {
  const byAddress =
    isIP(hostname) === 0 ? '' : ' (asked for by its address: target.tls.server_name may name it)'
  return `name the authority in target.tls.ca_file${byAddress}, or mend the scheme in target.url`
}

/** Puts the machine's packet filter and forwarding back to what they were: a container engine changes both and leaves them so. */
import { readFileSync, writeFileSync } from 'node:fs'
import { run } from './shell.ts'

const forwardFile = '/proc/sys/net/ipv4/ip_forward'

/** Notes both. @returns what puts them back */
export async function keepNetwork(): Promise<() => Promise<void>> {
  const forward = readFileSync(forwardFile, 'utf8')
  const before = tablesOf(await run('iptables-save', []))
  return async () => {
    const after = tablesOf(await run('iptables-save', []))
    const restored = [...after].map(([name, text]) => before.get(name) ?? emptied(text))
    await run('iptables-restore', [], { input: restored.join('\n') })
    writeFileSync(forwardFile, forward)
  }
}

/** Each table with its text, from `*name` to `COMMIT`. */
function tablesOf(text: string): Map<string, string> {
  const tables = text.match(/^\*[\s\S]*?^COMMIT$/gm) ?? []
  return new Map(tables.map(table => [table.split('\n', 1)[0]!, `${table}\n`]))
}

/** The same table with nothing in it: only the chains that every system has, and they let all through. */
function emptied(table: string): string {
  const lines = table.split('\n')
  const builtIn = lines.filter(line => /^:\S+ (ACCEPT|DROP)/.test(line))
  const chains = builtIn.map(line => line.replace(/ (ACCEPT|DROP) /, ' ACCEPT '))
  return [lines[0], ...chains, 'COMMIT', ''].join('\n')
}

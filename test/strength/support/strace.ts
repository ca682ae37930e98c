/** Watches the system calls of a process with strace: what it wrote where, and when that was on the disk. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Scope, temporaryDir } from '../../helpers/foreman.ts'

/** One call, in the order in which they began. */
export interface SystemCall {
  readonly name: string
  /** Arguments as strace writes them: files by their path, bytes as a string with escapes. */
  readonly args: string
  /** Places in the order of all begins and ends. Of a call that strace did not see end, `end` is infinite. */
  readonly begin: number
  readonly end: number
  readonly failed: boolean
}

/** A strace on a process. */
export interface Trace {
  /** Lets the process go. @returns every call that had begun by then */
  end(): Promise<SystemCall[]>
}

/** Why there can be no trace, in words for a test that is skipped; undefined where strace works. */
export function whyNoTrace(): string | undefined {
  const { status, error } = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'])
  if (error !== undefined) return 'SKIPPED, NOT PROVED: strace is not installed'
  return status === 0 ? undefined : 'SKIPPED, NOT PROVED: this user may not trace processes'
}

/** Traces `calls` of all threads of a process; with `inject`, strace changes how some of them end. */
export async function trace(
  t: Scope,
  pid: number,
  calls: string,
  inject: readonly string[] = []
): Promise<Trace> {
  const file = join(temporaryDir(t), 'strace')
  const args = ['-f', '-y', '-s', '100000', '-e', `trace=${calls}`, '-o', file, '-p', String(pid)]
  const strace = spawn('strace', [...args, ...inject.flatMap(rule => ['-e', `inject=${rule}`])])
  const gone = once(strace, 'close')
  t.after(() => strace.kill('SIGKILL'))
  await attached(strace, pid)
  return {
    end: async () => {
      // It lets go of the process and writes what is left.
      strace.kill('SIGINT')
      await gone
      return parse(readFileSync(file, 'latin1'))
    }
  }
}

async function attached(strace: ChildProcess, pid: number): Promise<void> {
  for await (const line of createInterface(strace.stderr!)) {
    if (line.includes(`Process ${pid} attached`)) return void strace.stderr!.resume()
  }
  throw new Error(`strace did not attach to ${pid}`)
}

const whole = /^(\d+)\s+(\w+)\((.*)\)\s+= (-?\d+|\?)/
const begun = /^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$/
// Strace let go in the middle of it. The bytes of a write may be with whom they were for by then.
const letGo = /^(\d+)\s+(\w+)\((.*) <detached \.\.\.>$/
const resumed = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)\)\s+= (-?\d+|\?)/

function parse(text: string): SystemCall[] {
  const open = new Map<string, { name: string; args: string; begin: number }>()
  const calls: SystemCall[] = []
  for (const [place, line] of text.split('\n').entries()) {
    const [, tid, name, args, result] = whole.exec(line) ?? []
    if (tid !== undefined)
      calls.push({ name: name!, args: args!, begin: place, end: place, failed: result!.startsWith('-') })
    const [, beginner, started, first] = begun.exec(line) ?? letGo.exec(line) ?? []
    if (beginner !== undefined) open.set(beginner, { name: started!, args: first!, begin: place })
    const [, ender, , rest, outcome] = resumed.exec(line) ?? []
    const call = ender === undefined ? undefined : open.get(ender)
    if (call === undefined) continue
    open.delete(ender!)
    calls.push({ ...call, args: call.args + rest, end: place, failed: outcome!.startsWith('-') })
  }
  for (const call of open.values()) calls.push({ ...call, end: Number.POSITIVE_INFINITY, failed: false })
  return calls.sort((a, b) => a.begin - b.begin)
}

/** What kind of file system the data directory is on. */
import { statfsSync } from 'node:fs'
import { amiss, type Finding, well } from './finding.ts'

/** By `f_type` of statfs(2). */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph']
])
const memories: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs']
])
const isLinux = process.platform === 'linux'

/** Looks at the file system of `dir`. The numbers are Linux's: elsewhere nothing is told. */
export function examineFileSystem(dir: string): Finding[] {
  return isLinux ? [judgeFileSystem(statfsSync(dir).type)] : []
}

/** What a type means for a database in WAL mode (https://www.sqlite.org/wal.html#overview, the second disadvantage). */
export function judgeFileSystem(type: number): Finding {
  // Some come with a sign.
  const magic = type >>> 0
  const network = networks.get(magic)
  const memory = memories.get(magic)
  if (network !== undefined) {
    const seen = `the data directory is on ${network}, where the database cannot keep what it has promised`
    return amiss('data.on_network', seen, 'move data_dir to a disk of this machine')
  }
  if (memory !== undefined) {
    const seen = `the data directory is on ${memory}: jobs and tokens are gone when the machine stops`
    return amiss('data.in_memory', seen, 'move data_dir to a disk')
  }
  return well('data.file_system', `it is on a file system of this machine (type 0x${magic.toString(16)})`)
}

/**
 * `foreman backup DIR`: a whole copy of the data directory, made beside a running foreman or without one; and
 * `foreman backup --check DIR`: whether such a copy is sound.
 *
 * A copy is itself a data directory, so that to restore one is to put it in its place. It has its name only once all of
 * it is on the disk. docs/backup.md tells the operator's side.
 */
import { parseArgs } from 'node:util'
import { CommandError, type PluginCommand } from '../plugin-loader.ts'
import { type Checked, checkCopy } from './backup/check-copy.ts'
import { type Copied, writeCopy } from './backup/write-copy.ts'

const usage = `usage: foreman backup DIR [--with-key]   copies the data directory, while foreman runs or not
       foreman backup --check DIR       reads a copy through and says whether it is sound

  DIR             a new directory. It is complete as soon as it is there
  --with-key      the key file too, which a start needs: who has it and the database has the secrets in it`

/** The command. */
export const backupCommand: PluginCommand = {
  usage,
  async run({ settings, args }) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { check: { type: 'boolean' }, 'with-key': { type: 'boolean' } },
      allowPositionals: true
    })
    const [dir] = positionals
    if (dir === undefined || positionals.length > 1)
      throw new CommandError(`one directory is needed\n\n${usage}`)
    if (values.check) tellChecked(dir, await checkCopy(dir))
    else tellCopied(dir, await writeCopy(settings, dir, values['with-key'] === true))
  }
}

function tellCopied(dir: string, { jobs, databaseBytes, blobs, blobBytes, key, lost }: Copied): void {
  console.log(`${dir}: ${jobs} jobs in ${sizeOf(databaseBytes)}, ${blobs} blobs in ${sizeOf(blobBytes)}`)
  if (key === 'copied') console.log('secret.key is in it: keep the copy as you keep the key')
  if (key === 'left')
    console.log('secret.key is not in it, and a start needs it: keep a copy of that elsewhere, once')
  if (lost.length === 0) return
  // The copy stays: it is all there is.
  throw new CommandError(
    `the copy is made, but the data directory itself misses ${lost.length} blobs that artifacts need: ${lost.join(', ')}`
  )
}

function tellChecked(dir: string, { jobs, blobs, blobBytes, secrets, faults }: Checked): void {
  if (faults.length > 0) throw new CommandError(`${dir} is not sound:\n  ${faults.join('\n  ')}`)
  console.log(`${dir} is sound: ${jobs} jobs, ${blobs} blobs in ${sizeOf(blobBytes)}`)
  if (secrets === 'sealed elsewhere') console.log('a start needs the secret.key that is not in it')
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB']

function sizeOf(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

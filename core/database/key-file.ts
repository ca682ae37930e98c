/** The file with the key that seals secrets: 32 random bytes, for its owner alone. */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

const keyBytes = 32
const ownerOnly = 0o600

/** The key; undefined where there is no such file. @throws where it cannot be read, or is no key */
export function findKey(path: string): KeyObject | undefined {
  const bytes = read(path)
  if (bytes === undefined) return undefined
  if (bytes.length !== keyBytes) throw new Error(`it has ${bytes.length} bytes, a key has ${keyBytes}`)
  return createSecretKey(bytes)
}

/** A new key in a new file, on the disk with its name when this returns. @throws where that is not possible */
export function makeKey(path: string): KeyObject {
  const bytes = randomBytes(keyBytes)
  const temporary = `${path}.${process.pid}`
  try {
    const file = openSync(temporary, 'w', ownerOnly)
    try {
      writeSync(file, bytes)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    // Unlike a rename it takes no place that another file has.
    linkSync(temporary, path)
  } finally {
    removeQuietly(temporary)
  }
  flushNames(dirname(path))
  return createSecretKey(bytes)
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw err
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It was never made; what failed before is told.
  }
}

function flushNames(dir: string): void {
  const handle = openSync(dir, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

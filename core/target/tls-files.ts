/** Reads the PEM files of `target.tls` once, at the start. */
import { readFileSync } from 'node:fs'
import { ConfigError, type Settings } from '../settings.ts'
import type { TargetTls } from './client.ts'

/** @throws {ConfigError} naming the key whose file cannot be read */
export function readTls(tls: Settings['target']['tls']): TargetTls {
  return {
    ca: read('ca_file', tls.ca_file),
    cert: read('cert_file', tls.cert_file),
    key: read('key_file', tls.key_file),
    servername: tls.server_name,
    rejectUnauthorized: tls.reject_unauthorized
  }
}

function read(key: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (err) {
    throw new ConfigError([
      { path: `target.tls.${key}`, problem: `cannot be read: ${(err as Error).message}` }
    ])
  }
}

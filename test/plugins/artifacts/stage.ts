/** Words to speak to the routes of artifacts: bytes in, bytes out. */
import { createHash } from 'node:crypto'
import type { ArtifactObject } from '../../../plugins/artifacts/schemas.ts'
import type { Answer, Problem } from '../jobs/stage.ts'

/** An answer with its bytes; `body` is parsed where it is JSON of foreman's own. */
export interface BytesAnswer<T = unknown> extends Answer<T> {
  readonly bytes: Buffer
}

/** Hashes as foreman tells them. */
export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
export const digestOf = (bytes: Buffer) => `sha256:${sha256(bytes).toString('hex')}`
export const reprDigestOf = (bytes: Buffer) => `sha-256=:${sha256(bytes).toString('base64')}:`

/** A real picture: one transparent pixel. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64'
)

/** Asks one route and reads the answer as bytes. */
export async function fetchBytes<T = unknown>(url: string, init: RequestInit = {}): Promise<BytesAnswer<T>> {
  const answer = await fetch(url, init)
  const bytes = Buffer.from(await answer.arrayBuffer())
  const text = bytes.toString()
  const isJson = answer.status !== 206 && /json/.test(answer.headers.get('content-type') ?? '') && text !== ''
  return {
    ...{ status: answer.status, headers: answer.headers, bytes, text },
    body: (isJson ? JSON.parse(text) : undefined) as T
  }
}

/** Uploads bytes as the body. */
export function upload(
  url: string,
  bytes: Buffer,
  headers: Record<string, string> = { 'content-type': 'image/png' }
): Promise<BytesAnswer<ArtifactObject & Problem>> {
  return fetchBytes(`${url}/artifacts`, { method: 'POST', headers, body: new Uint8Array(bytes) })
}

/** Uploads bytes as the part `file` of a form. */
export function uploadForm(url: string, parts: [name: string, value: Blob | string, filename?: string][]) {
  const form = new FormData()
  for (const [name, value, filename] of parts) {
    if (typeof value === 'string') form.append(name, value)
    else form.append(name, value, filename)
  }
  return fetchBytes<ArtifactObject & Problem>(`${url}/artifacts`, { method: 'POST', body: form })
}

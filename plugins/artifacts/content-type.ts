/**
 * What type an upload is served with: the one its sender gave, where the bytes agree, else `application/octet-stream`.
 * So nothing that a browser would run goes out under a harmless name.
 */
import { fileTypeFromBuffer } from 'file-type'

/** Bytes from the start that are looked at. */
export const sniffedBytes = 4100

/** What can be anything. */
export const unknownType = 'application/octet-stream'

const textual =
  /^(text\/.+|application\/(json|xml|x-ndjson|yaml|x-yaml|javascript|toml)|[^/]+\/[^/]+\+(json|xml|yaml))$/
const otherNames: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/apng': 'image/png',
  'audio/mp3': 'audio/mpeg',
  'audio/wave': 'audio/wav'
}

/** The type of an upload with this `Content-Type` whose bytes begin with `head`: without parameters, in lower case. */
export async function agreedType(declared: string | undefined, head: Buffer): Promise<string> {
  const type = (declared ?? unknownType).split(';', 1)[0]!.trim().toLowerCase()
  if (textual.test(type)) return isText(head) ? type : unknownType
  const found = await fileTypeFromBuffer(head)
  return found !== undefined && commonName(found.mime) === commonName(type) ? type : unknownType
}

function commonName(type: string): string {
  const plain = type.replace('/x-', '/')
  return otherNames[plain] ?? plain
}

/** UTF-8 without control characters; a character that the end of `head` cuts is let pass. */
function isText(head: Buffer): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what tells text from other bytes
    return !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text)
  } catch {
    return false
  }
}

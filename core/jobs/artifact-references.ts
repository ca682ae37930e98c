/**
 * `{"artifact_id": "art_…"}` in a native request, where the base64 text of an image goes: in `images` of generate and
 * embed, in `images` of each message of chat. Found and replaced by their place in the bytes: all others stay as sent.
 */
import type { FileHandle } from 'node:fs/promises'
import { foldName } from '../target/json-bind.ts'
import {
  elementsOf,
  type JsonMember,
  type JsonValue,
  membersOf,
  scanDocument,
  stringOf
} from '../target/json-scan.ts'

/** A place in a request. */
export interface ArtifactReference {
  /** JSON pointer to it (RFC 6901), from the root of the request. */
  readonly pointer: string
  /** Offsets of its first byte, and of the one after its last. */
  readonly start: number
  readonly end: number
  /** Undefined where it is no well-formed reference. */
  readonly id: string | undefined
}

const memberName = 'artifact_id'
const idPattern = /^art_[0-9a-z]{26}$/
const quote = 0x22
/** A multiple of three: base64 of the pieces is that of the whole. */
const pieceBytes = 3 * 64 * 1024

/** The references in the body of a native route, in the order of the text. The body must have been scanned before. */
export function findReferences(path: string, json: Buffer): ArtifactReference[] {
  // Nearly no request has one, and a scan of megabytes of images would cost all others.
  if (!json.includes(memberName)) return []
  const { members } = scanDocument(json)
  return path === '/api/chat' ? inMessages(json, members) : inImages(json, members, '')
}

/** Length of the base64 text of so many bytes. */
export function base64Length(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 3) * 4
}

/** What stands in the place of a reference. */
export interface Filling {
  readonly reference: ArtifactReference
  readonly sizeBytes: number
  readonly open: () => Promise<FileHandle>
}

/** The body with each reference replaced by the base64 text of its bytes. @throws where a file is not of its size */
export async function fillReferences(json: Buffer, fillings: readonly Filling[]): Promise<Buffer> {
  const added = fillings.map(({ reference, sizeBytes }) => {
    return base64Length(sizeBytes) + 2 - (reference.end - reference.start)
  })
  const filled = Buffer.allocUnsafe(added.reduce((sum, bytes) => sum + bytes, json.length))
  let [copied, at] = [0, 0]
  for (const filling of fillings) {
    at += json.copy(filled, at, copied, filling.reference.start)
    at = await writeBase64(filled, at, filling)
    copied = filling.reference.end
  }
  json.copy(filled, at, copied)
  return filled
}

function inMessages(json: Buffer, members: readonly JsonMember[]): ArtifactReference[] {
  return arraysNamed('messages', members).flatMap(messages =>
    elementsOf(json, messages).flatMap((message, index) =>
      message.kind === 'object' ? inImages(json, membersOf(json, message), `/messages/${index}`) : []
    )
  )
}

function inImages(json: Buffer, members: readonly JsonMember[], pointer: string): ArtifactReference[] {
  return arraysNamed('images', members).flatMap(images =>
    elementsOf(json, images).flatMap((image, index) =>
      image.kind === 'object' ? [referenceAt(json, image, `${pointer}/images/${index}`)] : []
    )
  )
}

/** Names as the target reads them: in any case, and each that comes again. */
function arraysNamed(name: string, members: readonly JsonMember[]): JsonMember[] {
  return members.filter(member => member.kind === 'array' && foldName(member.name) === name)
}

function referenceAt(json: Buffer, object: JsonValue, pointer: string): ArtifactReference {
  const { start, end } = object
  const [member, ...others] = membersOf(json, object)
  const isOne = member?.name === memberName && member.kind === 'string' && others.length === 0
  const id = isOne ? stringOf(json, member) : ''
  return { pointer, start, end, id: idPattern.test(id) ? id : undefined }
}

async function writeBase64(into: Buffer, start: number, { sizeBytes, open }: Filling): Promise<number> {
  const file = await open()
  try {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes))
    let at = into.writeUInt8(quote, start)
    for (let read = 0; read < sizeBytes; ) {
      const length = Math.min(piece.length, sizeBytes - read)
      await readWhole(file, piece.subarray(0, length), read)
      at += into.write(piece.toString('base64', 0, length), at, 'latin1')
      read += length
    }
    return into.writeUInt8(quote, at)
  } finally {
    await file.close()
  }
}

async function readWhole(file: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let read = 0; read < into.length; ) {
    const { bytesRead } = await file.read(into, read, into.length - read, position + read)
    if (bytesRead === 0) throw new Error(`a blob ends at byte ${position + read}, which is too soon`)
    read += bytesRead
  }
}

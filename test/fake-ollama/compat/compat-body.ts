/**
 * Request bodies of `/v1/*`: perhaps compressed, otherwise read as Go reads JSON.
 */
import { zstdDecompressSync } from 'node:zlib'
import { parseModelRef } from '../catalog/model-name.ts'
import { type Decoder, string, struct } from '../go/json-decode.ts'
import { type Call, HttpError, NativeShapeError } from '../http/call.ts'
import { cloudRefusal } from '../native/lookup.ts'

const MAX_DECOMPRESSED_BYTES = 20 << 20

const modelOnly = struct('Body', { model: string })

/** The body as `decoder` reads it. @throws {HttpError} 400; no body at all is `EOF` here. */
export function readCompat<T>(call: Call, decoder: Decoder<T>): T {
  if (call.request.headers['content-encoding'] === 'zstd') call.body = decompress(call.body)
  refuseCloud(call)
  return call.read(decoder, 'EOF')
}

/** Before the translation a look at the name alone; its refusal has the native shape. */
function refuseCloud(call: Call): void {
  let source: string | undefined
  try {
    source = parseModelRef(call.read(modelOnly).model).source
  } catch {
    return
  }
  if (source === 'cloud') throw new NativeShapeError(cloudRefusal(call.world.config.cloud_disabled))
}

function decompress(body: Buffer): Buffer {
  try {
    return zstdDecompressSync(body, { maxOutputLength: MAX_DECOMPRESSED_BYTES })
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    const text = tooLarge ? 'http: request body too large' : 'invalid input: magic number mismatch'
    throw new NativeShapeError(new HttpError(400, text))
  }
}

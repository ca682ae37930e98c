/** The bytes of an upload on their way in, of either form of body: counted, and looked at for their type. */
import type { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { BadRequestError, BodyTooLargeError, faultAt } from '../../core/errors.ts'
import { agreedType, sniffedBytes, unknownType } from './content-type.ts'
import { cleanFilename, filenameOf } from './filename.ts'

const partName = 'file'

/** What came, and what its sender says of it. */
export class Incoming {
  readonly filename: string | null
  /** The type that is kept; known when all bytes have been read. */
  contentType = unknownType
  readonly #source: Readable
  readonly #declaredType: string | undefined

  constructor(source: Readable, declaredType: string | undefined, filename: string | null) {
    this.#source = source
    this.#declaredType = declaredType
    this.filename = filename
  }

  /**
   * All of them, once.
   * @throws {BodyTooLargeError} above `limitBytes`; {ValidationFailedError} where none came; {BadRequestError} where
   * they broke off
   */
  async *bytes(limitBytes: number): AsyncGenerator<Buffer> {
    let sizeBytes = 0
    const head: Buffer[] = []
    for await (const chunk of readable(this.#source)) {
      if (sizeBytes < sniffedBytes) head.push(chunk.subarray(0, sniffedBytes - sizeBytes))
      sizeBytes += chunk.length
      if (sizeBytes > limitBytes) throw new BodyTooLargeError(limitBytes)
      yield chunk
    }
    if (sizeBytes === 0) throw faultAt('', 'is empty')
    this.contentType = await agreedType(this.#declaredType, Buffer.concat(head))
  }
}

/**
 * Opens the body of a request: the part `file` of a form, or all of it.
 * @throws {ValidationFailedError} without one; {BadRequestError} for a form that cannot be read
 */
export async function openIncoming(request: FastifyRequest): Promise<Incoming> {
  if (request.isMultipart()) {
    const part = await request.file().catch(unreadable)
    if (part?.fieldname !== partName) throw faultAt('', `needs a part named ${partName}`)
    return new Incoming(part.file, part.mimetype, cleanFilename(part.filename))
  }
  if (request.body === undefined || request.body === null) throw faultAt('', 'is empty')
  const { headers } = request
  return new Incoming(request.raw, headers['content-type'], filenameOf(headers['content-disposition']))
}

/** What the reader of forms has to say of a broken one carries no status. @throws {BadRequestError} in place of that */
function unreadable(err: Error & { statusCode?: number }): never {
  throw err.statusCode === undefined
    ? new BadRequestError(`the body cannot be read: ${err.message}`, { cause: err })
    : err
}

async function* readable(source: Readable): AsyncGenerator<Buffer> {
  try {
    // The source must outlive an error: the answer goes out on the same connection.
    yield* source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (err) {
    unreadable(err as Error)
  }
}

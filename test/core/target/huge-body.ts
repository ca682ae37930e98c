/** A body as large as it may be, read in a thread whose heap has no room for a list of all that is in it. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { BadRequestError } from '../../../core/errors.ts'
import { findReferences } from '../../../core/jobs/artifact-references.ts'
import { readInference } from '../../../core/target/inference.ts'
import { fingerprintOf } from '../../../plugins/jobs/fingerprint.ts'

const wholeBytes = 64 * 1024 * 1024
/** Each case makes do with 8; a list of all values of a body takes hundreds. */
const heapMiB = 24

/** `piece` again and again between two others. */
export interface HugeBody {
  readonly before: string
  readonly piece: string
  readonly after: string
}

/** What is done with it: reading it as the request of a route, or a part of the work on jobs. */
export type Work = `/${string}` | 'references' | 'fingerprint'

/** What came of it: of an inference route whether it was malformed and goes on to the target, or the error. */
export interface Result {
  readonly error?: { readonly isBadRequest: boolean; readonly message: string }
  readonly malformed?: boolean
  readonly forward?: boolean
  /** Fingerprints in hexadecimal: of the body, of a copy, and of it with one more space. */
  readonly fingerprints?: readonly string[]
}

/** @throws ERR_WORKER_OUT_OF_MEMORY for more than the small heap holds */
export async function workOn(work: Work, body: HugeBody): Promise<Result> {
  const resourceLimits = { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 4 }
  const thread = new Worker(import.meta.filename, { workerData: { work, body }, resourceLimits })
  const [result] = await once(thread, 'message')
  return result
}

function textOf({ before, piece, after }: HugeBody): Buffer {
  const count = Math.floor((wholeBytes - before.length - after.length) / piece.length)
  return Buffer.concat([Buffer.from(before), Buffer.alloc(count * piece.length, piece), Buffer.from(after)])
}

function resultOf(work: Work, text: Buffer): Result {
  if (work === 'references') findReferences('/api/chat', text)
  else if (work === 'fingerprint') return { fingerprints: fingerprintsOf(text) }
  else {
    const read = readInference(work, text)
    return { malformed: read.malformed, forward: read.malformed && read.forward }
  }
  return {}
}

function fingerprintsOf(text: Buffer): string[] {
  const copy = Buffer.from(text)
  const spaced = Buffer.concat([text.subarray(0, -1), Buffer.from(' '), text.subarray(-1)])
  return [text, copy, spaced].map(one => fingerprintOf(one).toString('hex'))
}

if (!isMainThread) {
  const { work, body } = workerData as { work: Work; body: HugeBody }
  try {
    parentPort!.postMessage(resultOf(work, textOf(body)))
  } catch (error) {
    const { message } = error as Error
    parentPort!.postMessage({ error: { isBadRequest: error instanceof BadRequestError, message } })
  }
}

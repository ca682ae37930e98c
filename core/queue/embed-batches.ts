/**
 * A long list of texts goes to the target in batches, so that it can be told how far they are, a cancel is felt soon, and
 * others get their turn in between. The answers are put together into the one that the whole list would have got: each
 * vector in its place, byte for byte, counts and times added up.
 */
import type { Output } from '../jobs/artifacts.ts'
import { type Usage, usageOf } from '../jobs/usage.ts'
import {
  type CallOptions,
  type ResponseHandler,
  type TargetClient,
  TargetError,
  type TargetRequest
} from '../target/client.ts'
import type { HeaderField } from '../target/headers.ts'
import { foldName } from '../target/json-bind.ts'
import { type JsonMember, scanDocument } from '../target/json-scan.ts'
import { JsonScanner } from '../target/json-scanner.ts'
import type { AnswerSink, Progress } from './answer.ts'

/** Most texts of one batch, and about the most bytes of them. */
export const batchLimits = { inputs: 64, bytes: 256 * 1024 }

const vectors = 'embeddings'
const summed: readonly string[] = ['total_duration', 'load_duration', 'prompt_eval_count']
const jsonHeaders: HeaderField[] = [['content-type', 'application/json']]
const notHeld = { pause() {}, resume() {} }

/** Texts of one batch: where they lie in the body, the commas between them included. */
interface Batch {
  readonly start: number
  end: number
  inputs: number
}

/** A request to `/api/embed` that is sent in pieces. */
export class EmbedBatches {
  readonly #request: TargetRequest
  readonly #body: Buffer
  readonly #list: Pick<JsonMember, 'start' | 'end'>
  readonly #batches: readonly Batch[]
  readonly #answer = new WholeAnswer()
  #done = 0

  private constructor(
    request: TargetRequest,
    body: Buffer,
    list: Pick<JsonMember, 'start' | 'end'>,
    batches: readonly Batch[]
  ) {
    this.#request = request
    this.#body = body
    this.#list = list
    this.#batches = batches
  }

  /** Undefined where one request does, and where it is not plain what the target would read as the list. */
  static of(request: TargetRequest): EmbedBatches | undefined {
    const { body } = request
    if (!Buffer.isBuffer(body)) return undefined
    const lists = scanDocument(body).members.filter(({ name }) => foldName(name) === 'input')
    const [list] = lists
    if (list === undefined || lists.length > 1 || list.kind !== 'array') return undefined
    const batches = batchesOf(body, list.start)
    return batches.length > 1 ? new EmbedBatches(request, body, list, batches) : undefined
  }

  /** Keeps the whole answer. */
  get sink(): AnswerSink {
    return this.#answer
  }

  /** How many of the texts have their vector. */
  get progress(): Progress {
    return { done: this.#done, total: this.#batches.reduce((sum, { inputs }) => sum + inputs, 0) }
  }

  /**
   * Sends all of them, and gives the whole to `handler`, or what the target said to the first that it did not answer well.
   * @throws {TargetError} as a call does; kind `protocol` for an answer without the vectors of its batch
   */
  async send(client: TargetClient, handler: ResponseHandler, options: CallOptions): Promise<void> {
    for (const batch of this.#batches) {
      const part = new PartAnswer()
      await client.call({ ...this.#request, body: this.#bodyOf(batch) }, part, options)
      if (part.status !== 200) return part.tell(handler)
      this.#answer.add(part.body)
      this.#done += batch.inputs
    }
    handler.head(200, jsonHeaders, notHeld)
    for (const piece of this.#answer.pieces()) handler.data(piece)
  }

  #bodyOf({ start, end }: Batch): Buffer {
    const body = this.#body
    const parts = [
      body.subarray(0, this.#list.start + 1),
      body.subarray(start, end),
      body.subarray(this.#list.end - 1)
    ]
    return Buffer.concat(parts)
  }
}

function batchesOf(json: Buffer, start: number): Batch[] {
  const batches: Batch[] = []
  new JsonScanner(json, start).array(1, text => {
    const last = batches.at(-1)
    const full =
      last === undefined || last.inputs === batchLimits.inputs || text.end - last.start > batchLimits.bytes
    if (full) batches.push({ start: text.start, end: text.end, inputs: 1 })
    else {
      last.end = text.end
      last.inputs += 1
    }
  })
  return batches
}

/** The answer to one batch. */
class PartAnswer implements ResponseHandler {
  status = 0
  #headers: HeaderField[] = []
  readonly #chunks: Buffer[] = []

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  head(status: number, headers: HeaderField[]): void {
    this.status = status
    this.#headers = headers
  }

  data(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  tell(handler: ResponseHandler): void {
    handler.head(this.status, this.#headers, notHeld)
    handler.data(this.body)
  }
}

/** The answers put together; keeps what it is told as the sink of the call. */
class WholeAnswer implements AnswerSink {
  readonly #vectors: Buffer[] = []
  #others: Record<string, unknown> = {}
  readonly #kept: Buffer[] = []
  #status = 0

  /** @throws {TargetError} kind `protocol` where there are no vectors in it */
  add(answer: Buffer): void {
    const { list, others } = readPart(answer)
    if (this.#vectors.length > 0) this.#vectors.push(Buffer.from(','))
    this.#vectors.push(answer.subarray(list.start + 1, list.end - 1))
    for (const name of summed) {
      const sum = [this.#others[name], others[name]].filter(value => typeof value === 'number')
      if (sum.length > 0) others[name] = sum.reduce((a, b) => a + b)
    }
    this.#others = others
  }

  pieces(): Buffer[] {
    const rest = JSON.stringify(this.#others).slice(1)
    const end = rest === '}' ? ']}' : `],${rest}`
    return [Buffer.from(`{"${vectors}":[`), ...this.#vectors, Buffer.from(end)]
  }

  head(status: number): void {
    this.#status = status
  }

  data(chunk: Buffer): void {
    this.#kept.push(chunk)
  }

  end(): void {}

  fail(): void {}

  kept(): Output | undefined {
    if (this.#status !== 200) return undefined
    return { contentType: 'application/json', content: Buffer.concat(this.#kept) }
  }

  usage(): Usage | undefined {
    return this.#status === 200 ? usageOf(this.#others, 0) : undefined
  }
}

function readPart(answer: Buffer): { list: JsonMember; others: Record<string, unknown> } {
  try {
    const { members } = scanDocument(answer)
    const list = members.find(({ name }) => name === vectors)
    if (list?.kind === 'array') {
      const others = members.filter(member => member !== list)
      const read = ({ name, start, end }: JsonMember) => [
        name,
        JSON.parse(answer.toString('utf8', start, end))
      ]
      return { list, others: Object.fromEntries(others.map(read)) }
    }
  } catch (cause) {
    throw new TargetError('protocol', { cause, detail: '/api/embed answered something else than JSON' })
  }
  throw new TargetError('protocol', { detail: '/api/embed answered without embeddings' })
}

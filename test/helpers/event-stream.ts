/**
 * A client of `text/event-stream` that hides nothing: it gives every block as it came, comments too, connects once and
 * never again by itself, can stop reading, and can cut its connection behind any byte.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, sections 9.2.5 and 9.2.6.
 */
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import type { EventObject } from '../../plugins/jobs/event-object.ts'

/** What stood between two blank lines. */
export interface Block {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly comment?: string
  readonly retry?: number
}

/** How to connect. */
export interface ConnectOptions {
  readonly lastEventId?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Defaults to GET, or POST where there is a `body`. */
  readonly method?: string
  /** Sent as JSON; a string as it is. */
  readonly body?: object | string
  /** Cuts the connection when so many bytes of the body have come; what comes behind them is not looked at. */
  readonly cutAfterBytes?: number
}

/** Connects to `url`; its promise is kept when the head of the answer has come, whatever its status. */
export function connect(url: string, options: ConnectOptions = {}): Promise<EventStream> {
  const { lastEventId, headers, body, method = body === undefined ? 'GET' : 'POST' } = options
  const asked = request(url, {
    method,
    // A connection of its own, so that its end is the end of the stream.
    agent: false,
    headers: {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers
    }
  })
  return new Promise((resolve, reject) => {
    asked.once('error', reject)
    asked.once('response', answer => {
      asked.off('error', reject)
      // A cut is told by the stream.
      asked.on('error', () => {})
      resolve(new EventStream(answer, options.cutAfterBytes))
    })
    asked.end(typeof body === 'object' ? JSON.stringify(body) : body)
  })
}

/** One connection. Iterating takes its blocks; those that were taken do not come again. */
export class EventStream implements AsyncIterable<Block> {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The id of the last whole block that had one: what to connect again with. */
  lastEventId: string | undefined
  /** Bytes of the body that were looked at. */
  bytes = 0
  /** Whether it ended otherwise than a whole answer does. */
  broke = false
  readonly #answer: IncomingMessage
  readonly #cutAfterBytes: number
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #whole = ''
  #blocks: Block[] = []
  #isOver = false
  #wake: (() => void) | undefined

  constructor(answer: IncomingMessage, cutAfterBytes = Number.POSITIVE_INFINITY) {
    this.#answer = answer
    this.#cutAfterBytes = cutAfterBytes
    this.status = answer.statusCode!
    this.headers = answer.headers
    answer.on('data', (chunk: Buffer) => this.#take(chunk))
    answer.on('error', () => {})
    answer.on('close', () => {
      this.broke = !answer.complete
      this.#isOver = true
      this.#wake?.()
    })
    if (this.#cutAfterBytes === 0) this.close()
  }

  /** The next block; undefined after the last. */
  async next(): Promise<Block | undefined> {
    while (this.#blocks.length === 0 && !this.#isOver) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    return this.#blocks.shift()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Block> {
    for (let block = await this.next(); block !== undefined; block = await this.next()) yield block
  }

  /** The blocks up to and with the first that `isLast`, or up to the end of the stream. */
  async until(isLast: (block: Block) => boolean): Promise<Block[]> {
    const blocks: Block[] = []
    for (let block = await this.next(); block !== undefined; block = await this.next()) {
      blocks.push(block)
      if (isLast(block)) break
    }
    return blocks
  }

  /** All blocks to the end of the stream. */
  rest(): Promise<Block[]> {
    return this.until(() => false)
  }

  /** The body to its end as text: of an answer that is no stream. */
  async text(): Promise<string> {
    await this.rest()
    return this.#whole
  }

  /** Reads no more until {@link resume}: the system's buffers fill up, then those of the server. */
  pause(): void {
    this.#answer.pause()
  }

  resume(): void {
    this.#answer.resume()
  }

  /** Cuts the connection at once. */
  close(): void {
    this.#answer.destroy()
  }

  #take(chunk: Buffer): void {
    const left = this.#cutAfterBytes - this.bytes
    const taken = chunk.length > left ? chunk.subarray(0, left) : chunk
    this.bytes += taken.length
    this.#read(this.#decoder.write(taken))
    if (this.bytes >= this.#cutAfterBytes) this.close()
  }

  #read(text: string): void {
    if (this.headers['content-type']?.startsWith('text/event-stream') !== true) this.#whole += text
    const blocks = (this.#rest + text).split('\n\n')
    // What is not ended by a blank line never counts.
    this.#rest = blocks.pop()!
    for (const one of blocks) {
      const block = blockOf(one)
      this.lastEventId = block.id ?? this.lastEventId
      this.#blocks.push(block)
    }
    if (blocks.length > 0) this.#wake?.()
  }
}

/** The stored events among the blocks, as objects: what has no id is left out. */
export function eventsIn(blocks: readonly Block[]): EventObject[] {
  return blocks.filter(({ id }) => id !== undefined).map(({ data }) => JSON.parse(data!) as EventObject)
}

function blockOf(text: string): Block {
  const fields: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line)!
    const known = name === '' ? 'comment' : name
    fields[known] = known in fields ? `${fields[known]}\n${value}` : value
  }
  const { id, event, data, comment, retry } = fields
  return {
    ...(id !== undefined && { id }),
    ...(event !== undefined && { event }),
    ...(data !== undefined && { data }),
    ...(comment !== undefined && { comment }),
    ...(retry !== undefined && { retry: Number(retry) })
  }
}

/**
 * Reads one plain field of a `multipart/form-data` body, without copying the files in it.
 *
 * It reads the plain subset of RFC 7578 that HTTP libraries write. Everything else that Go's reader would accept too
 * (escapes and continuations in parameters, bare line feeds, transfer encodings, a preamble) is refused rather than
 * guessed at, since the target must not find another value in the form than foreman did.
 * Source: Go, src/mime/multipart and src/net/http/request.go, `FormValue`.
 */
import type { MalformedBody } from './json-bind.ts'

const FORM_DATA = /^multipart\/form-data;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'+.-]{1,70}))\s*$/i
const DISPOSITION = /^form-data((?:;\s*[\w*]+="[^"\\]*"|;\s*filename\*=[\w!#$%&+.^`|~'-]+)*)\s*$/i
const PARAMETER = /;\s*([\w*]+)=(?:"([^"\\]*)"|([^;\s]+))/g
const HEADER_LINE = /^[\w-]+:[^\r\n\0]*$/
const LINE_END = '\r\n'

/** One part: its header lines and where its content lies. */
interface Part {
  head: string
  start: number
  end: number
}

/**
 * The first value of a field, `undefined` where the form has none; parts with a file name are files and no values.
 *
 * @param contentType the request's `Content-Type`
 */
export function readFormField(
  body: Buffer,
  contentType: string,
  field: string
): string | undefined | MalformedBody {
  const boundary = FORM_DATA.exec(contentType)
  const parts = boundary && splitParts(body, boundary[1] ?? boundary[2]!)
  if (!parts) return refused('not a multipart form that can be read')
  for (const part of parts) {
    const disposition = dispositionOf(part.head)
    if (!disposition) return refused('part of a form that cannot be read')
    if (disposition.get('name') !== field) continue
    if (disposition.has('filename*')) return refused(`${field} is not a plain field of the form`)
    if (!disposition.get('filename')) return body.toString('utf8', part.start, part.end)
  }
  return undefined
}

function refused(detail: string): MalformedBody {
  return { malformed: true, forward: false, detail }
}

/** All parts of a form that ends with its closing delimiter. */
function splitParts(body: Buffer, boundary: string): Part[] | undefined {
  const opening = Buffer.from(`--${boundary}`)
  const delimiter = Buffer.concat([Buffer.from(LINE_END), opening])
  const parts: Part[] = []
  if (!body.subarray(0, opening.length).equals(opening)) return undefined
  let position = opening.length
  while (isAt(body, position, LINE_END)) {
    // The blank line's own line end may be that of an empty part's delimiter.
    const headEnd = body.indexOf(LINE_END + LINE_END, position)
    if (headEnd < 0) return undefined
    const end = findDelimiter(body, delimiter, headEnd + LINE_END.length)
    if (end === undefined) return undefined
    const start = Math.min(headEnd + 2 * LINE_END.length, end)
    parts.push({ head: body.toString('latin1', position + LINE_END.length, headEnd), start, end })
    position = end + delimiter.length
  }
  return isAt(body, position, '--') && isLineEnd(body, position + 2) ? parts : undefined
}

/** The next delimiter; the same bytes with more of a word behind them are content. */
function findDelimiter(body: Buffer, delimiter: Buffer, from: number): number | undefined {
  for (let found = body.indexOf(delimiter, from); found >= 0; found = body.indexOf(delimiter, found + 1)) {
    const next = found + delimiter.length
    if (isAt(body, next, LINE_END) || isAt(body, next, '--')) return found
    // White space or half a line end: Go takes these for a delimiter, or fails on them.
    if (next >= body.length || [0x20, 0x09, 0x0a, 0x0d].includes(body[next]!)) return undefined
  }
  return undefined
}

/** The parameters of a part's one Content-Disposition; `undefined` for what Go might read in another way. */
function dispositionOf(head: string): Map<string, string> | undefined {
  const lines = head.split(LINE_END)
  if (!lines.every(line => HEADER_LINE.test(line)) || lines.some(isTransferEncoding)) return undefined
  const dispositions = lines.filter(line => /^content-disposition:/i.test(line))
  if (dispositions.length !== 1) return undefined
  const value = dispositions[0]!.slice('content-disposition:'.length).trim()
  const match = DISPOSITION.exec(value)
  const parameters = [...(match?.[1] ?? '').matchAll(PARAMETER)].map(
    ([, name, quoted, bare]) => [name!.toLowerCase(), quoted ?? bare!] as const
  )
  const names = new Map(parameters)
  const isPlain = names.size === parameters.length && [...names.keys()].every(isPlainName)
  return match && isPlain ? names : undefined
}

function isTransferEncoding(line: string): boolean {
  return /^content-transfer-encoding:/i.test(line)
}

/** `name*` and `name*0` would give the name in another spelling; `filename*` beside `filename` is common. */
function isPlainName(name: string): boolean {
  return !name.includes('*') || name === 'filename*'
}

function isAt(body: Buffer, position: number, text: string): boolean {
  return body.toString('latin1', position, position + text.length) === text
}

function isLineEnd(body: Buffer, position: number): boolean {
  return position === body.length || isAt(body, position, LINE_END)
}

/** Makes a native body ask for an answer in pieces, all other bytes as they were. */
import { foldName } from './json-bind.ts'
import { scanDocument } from './json-scan.ts'

const asked = Buffer.from('true')

/** The body with every `"stream": false` as `true`; absent means streaming already. */
export function withStreaming(json: Buffer): Buffer {
  const pieces: Buffer[] = []
  let copied = 0
  for (const member of scanDocument(json).members) {
    if (foldName(member.name) !== 'stream' || member.kind !== 'false') continue
    pieces.push(json.subarray(copied, member.start), asked)
    copied = member.end
  }
  return copied === 0 ? json : Buffer.concat([...pieces, json.subarray(copied)])
}

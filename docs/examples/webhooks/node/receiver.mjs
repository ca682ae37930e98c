/**
 * Takes foreman's webhooks: WEBHOOK_SECRET=whsec_… PORT=9000 node receiver.mjs
 *
 * Verifies each message (Standard Webhooks, signature `v1`), answers 204 where it is genuine and 400 where it is not, and
 * prints one line for each that is new. Listens on 127.0.0.1; PORT 0 is any that is free. It needs nothing but Node.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const { WEBHOOK_SECRET = '', PORT = '9000' } = process.env
/** A message that is older, or from the future, may be one that somebody recorded. */
const toleranceS = 300
/** foreman sends 32 KiB at most. */
const longestBodyBytes = 64 * 1024
/** Ids that are remembered. A receiver of yours keeps them beside what it does with them, for a day or longer. */
const mostIds = 100_000

const seen = new Set()

/** The bytes behind `whsec_`. */
function readSecret(text) {
  const secret = Buffer.from(text.replace(/^whsec_/, ''), 'base64')
  if (text.startsWith('whsec_') && secret.length >= 24) return secret
  console.error('WEBHOOK_SECRET is not a secret of foreman: whsec_ and base64')
  process.exit(1)
}

const secret = readSecret(WEBHOOK_SECRET)

/** What is wrong with a message; undefined for nothing. `body` is what came, byte for byte: not parsed and written anew. */
function faultOf(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers
  if (!id || !timestamp || !signatures) return 'a header is missing'
  const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest()
  // During a rotation there is a signature by each secret: one that fits is enough.
  const fits = signatures.split(' ').some(signature => {
    const [version, text = ''] = signature.split(',')
    const given = Buffer.from(text, 'base64')
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)
  })
  if (!fits) return 'no signature fits'
  const ageS = Date.now() / 1000 - Number(timestamp)
  return Math.abs(ageS) <= toleranceS ? undefined : 'it is too old, or the clocks differ'
}

/** What is to be done with a message that is genuine and new. Longer work belongs into a queue: foreman waits 15 s. */
function take(id, { type, data }) {
  console.log(`${id} ${type} ${data.id ?? '-'} ${data.seq ?? '-'}`)
}

function remember(id) {
  seen.add(id)
  if (seen.size > mostIds) seen.delete(seen.values().next().value)
}

/** The body, or undefined where it is too long: that is read to its end, but not kept. */
async function readBody(request) {
  const chunks = []
  let sizeBytes = 0
  for await (const chunk of request) {
    sizeBytes += chunk.length
    if (sizeBytes <= longestBodyBytes) chunks.push(chunk)
  }
  return sizeBytes <= longestBodyBytes ? Buffer.concat(chunks) : undefined
}

async function answer(request, response) {
  const body = await readBody(request)
  const fault = body === undefined ? 'it is too long' : faultOf(request.headers, body)
  if (fault !== undefined) {
    console.error(`refused: ${fault}`)
    response.writeHead(400, { 'content-type': 'text/plain' }).end(`${fault}\n`)
    return
  }
  const id = request.headers['webhook-id']
  if (!seen.has(id)) take(id, JSON.parse(body.toString()))
  // Behind the work: where that throws, the message comes again.
  remember(id)
  response.writeHead(204).end()
}

const server = createServer((request, response) => {
  answer(request, response).catch(err => {
    console.error(err.message)
    if (!response.headersSent) response.writeHead(500)
    response.end()
  })
})
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})

/** Cuts in answers that are kept byte for byte: in the call itself, and where what is missing of it is fetched. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import type { Random } from '../random.ts'
import { CutSocket } from './cut-socket.ts'
import type { Tally } from './figures.ts'
import { KeptReader } from './kept-reader.ts'
import { type Cuts, cutsOf } from './offsets.ts'
import { atOnce, followToEnd } from './reader.ts'
import { chatBody, type Stage } from './stage.ts'

const width = 16
/** The worker takes one call after another. */
const callWidth = 4
/** Who fetch one answer at a time. */
const mostRunning = 500
const paths = ['/api/chat', '/v1/chat/completions'] as const

/** What a caller has of an answer. */
interface Had {
  /** Undefined where it was cut before its job was told. */
  readonly jobId: string | undefined
  readonly body: Buffer
  /** Head and framing included. */
  readonly bytes: number
}

/** Cuts `most` of the byte offsets of each. @throws {Error} with the cuts that cost something */
export async function playKept(stage: Stage, most: number, random: Random, tally: Tally): Promise<void> {
  for (const path of paths) {
    const { jobId, body, bytes } = await call(stage, path, 'quick')
    await atOnce(cutsOf(bytes, most, random), callWidth, cuts =>
      tally.cut(`the call ${path}`, cuts, () => assertCallKept(stage, path, cuts))
    )
    const fetched = new KeptReader(stage.url, jobId!)
    const total = await followToEnd(fetched)
    assert.deepEqual(fetched.bytes, body)
    await atOnce(cutsOf(total, most, random), width, cuts =>
      tally.cut(`kept, ${path}`, cuts, () => assertFetched(stage, jobId!, body, cuts))
    )
    // How they come makes no difference to the bytes: once is enough for what takes its time.
    if (path === '/api/chat')
      await playRunning(stage, path, cutsOf(total, Math.min(most, mostRunning), random), tally)
  }
}

async function assertCallKept(stage: Stage, path: string, [cutAfter, ...later]: Cuts): Promise<void> {
  const { jobId, body } = await call(stage, path, 'quick', cutAfter)
  if (jobId === undefined) return
  const rest = new KeptReader(stage.url, jobId, body)
  await followToEnd(rest, later)
  const whole = new KeptReader(stage.url, jobId)
  await followToEnd(whole)
  assert.deepEqual(String(rest.bytes), String(whole.bytes))
  assertComplete(path, String(whole.bytes))
}

async function assertFetched(stage: Stage, jobId: string, body: Buffer, cuts: Cuts): Promise<void> {
  const reader = new KeptReader(stage.url, jobId)
  await followToEnd(reader, cuts)
  assert.deepEqual(String(reader.bytes), String(body))
}

/** While the answer comes: its caller leaves with the head, and all others fetch what is there and what comes. */
async function playRunning(stage: Stage, path: string, plans: readonly Cuts[], tally: Tally): Promise<void> {
  const { jobId } = await call(stage, path, 'talker', 'head')
  const whole = new KeptReader(stage.url, jobId!)
  const told = followToEnd(whole).then(() => whole.bytes)
  await Promise.all(
    plans.map(cuts =>
      tally.cut(`running, ${path}`, cuts, async () => {
        const reader = new KeptReader(stage.url, jobId!)
        await followToEnd(reader, cuts)
        assert.deepEqual(String(reader.bytes), String(await told))
      })
    )
  )
  assertComplete(path, String(whole.bytes))
}

function assertComplete(path: string, text: string): void {
  if (path.startsWith('/v1/')) assert.ok(text.endsWith('data: [DONE]\n\n'), text.slice(-100))
  else assert.equal(JSON.parse(text.trimEnd().split('\n').at(-1)!).done, true)
}

/** @param cutAfter byte of the response behind which the caller leaves; `head` for as soon as it is there */
function call(stage: Stage, path: string, model: string, cutAfter?: number | 'head'): Promise<Had> {
  const cutBytes = cutAfter === 'head' ? undefined : cutAfter
  const socket = new CutSocket(new URL(stage.url), { cutAfter: cutBytes })
  const headers = { 'content-type': 'application/json', 'foreman-on-disconnect': 'continue' }
  const chunks: Buffer[] = []
  let jobId: string | undefined
  return new Promise(resolve => {
    const asked = request(stage.url + path, { method: 'POST', headers, createConnection: () => socket })
    asked.on('response', answer => {
      jobId = answer.headers['foreman-job-id'] as string
      answer.on('data', chunk => chunks.push(chunk))
      answer.on('error', () => {})
      if (cutAfter === 'head') answer.destroy()
    })
    asked.on('error', () => {})
    asked.on('close', () => resolve({ jobId, body: Buffer.concat(chunks), bytes: socket.bytes }))
    asked.end(JSON.stringify({ model, stream: true, ...chatBody }))
  })
}

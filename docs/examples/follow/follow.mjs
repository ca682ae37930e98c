/**
 * Follows one job to its end and prints its text as it comes: node follow.mjs <job id>
 *
 * FOREMAN_URL and FOREMAN_TOKEN say where foreman is and who asks. The connection may break and foreman may be restarted:
 * this comes back and goes on behind the last event that it got. Ends with 0 where the job is done, else with 1.
 * It needs nothing but Node 20 or newer.
 */
import { setTimeout as sleep } from 'node:timers/promises'

const [, , jobId] = process.argv
const { FOREMAN_URL = 'http://127.0.0.1:8080', FOREMAN_TOKEN } = process.env
const pauseMs = 2000
/** A living stream says something every 15 s, if only a comment. */
const longestSilenceMs = 45_000
const finalStates = ['done', 'failed', 'canceled', 'expired']

/** An answer that will not get better by asking again. */
class RefusedError extends Error {}

/** Prints the text of an answer, each part once. Thinking goes to stderr. */
class Printer {
  /** Code points that were printed, by channel. */
  #printed = { content: 0, thinking: 0 }

  /** A piece may come twice, and a snapshot has what came before: what counts is its offset. */
  piece({ channel, offset, text }) {
    if (!(channel in this.#printed)) return
    const fresh = [...text].slice(Math.max(0, this.#printed[channel] - offset))
    this.#printed[channel] += fresh.length
    const out = channel === 'content' ? process.stdout : process.stderr
    out.write(fresh.join(''))
  }

  /** What was printed is void: a new attempt says it all again, perhaps in other words. */
  anew() {
    if (this.#printed.content > 0) process.stdout.write('\n\n--- the text begins anew ---\n\n')
    this.#printed = { content: 0, thinking: 0 }
  }
}

const printer = new Printer()
let lastId
let job

/** Takes one event. Types that it does not know are none of its business: new ones come. */
function take({ id, event, data }) {
  if (event === 'job.output' || event === 'job.output_snapshot') printer.piece(data.data)
  if (event === 'job.output_reset' || event === 'stream.gap') printer.anew()
  if (finalStates.includes(data.data?.state)) job = data.data
  lastId = id ?? lastId
}

/** Follows for as long as one connection holds. @throws {RefusedError} and what `fetch` throws */
async function followOnce() {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(), longestSilenceMs)
  try {
    const answer = await fetch(new URL(`/jobs/${jobId}/events`, FOREMAN_URL), {
      headers: {
        accept: 'text/event-stream',
        ...(FOREMAN_TOKEN && { authorization: `Bearer ${FOREMAN_TOKEN}` }),
        ...(lastId && { 'last-event-id': lastId })
      },
      signal: silence.signal
    })
    if (answer.status !== 200) throw await refusal(answer)
    for await (const event of eventsOf(answer.body, () => timer.refresh())) take(event)
  } finally {
    clearTimeout(timer)
  }
}

async function refusal(answer) {
  const text = `${answer.status} ${await answer.text()}`
  return answer.status < 500 && answer.status !== 429 ? new RefusedError(text) : new Error(text)
}

/** The events of a stream. Source: https://html.spec.whatwg.org/#parsing-an-event-stream, as far as foreman uses it. */
async function* eventsOf(body, onChunk) {
  let rest = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    onChunk()
    const blocks = (rest + chunk).split('\n\n')
    // What is not whole yet; where the connection breaks here, it comes again.
    rest = blocks.pop()
    yield* blocks.map(fieldsOf).filter(({ data }) => data !== undefined)
  }
}

function fieldsOf(block) {
  const fields = Object.fromEntries(block.split('\n').map(line => line.split(/: ?(.*)/s, 2)))
  return { ...fields, data: fields.data && JSON.parse(fields.data) }
}

while (job === undefined) {
  try {
    await followOnce()
  } catch (err) {
    if (err instanceof RefusedError) {
      console.error(err.message)
      process.exit(1)
    }
    console.error(`\n[${err.cause?.code ?? err.message}: trying again]`)
  }
  if (job === undefined) await sleep(pauseMs)
}
if (job.state !== 'done') {
  console.error(`\n[${job.state}: ${job.error?.message ?? 'no reason given'}]`)
  process.exitCode = 1
}

/** The receivers of docs/examples/webhooks, against messages that foreman's own code has signed, and against foreman. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { newSecret, secretText } from '../../plugins/webhooks/signing/secret-text.ts'
import { type SignatureHeaders, signatureHeaders } from '../../plugins/webhooks/signing/sign.ts'
import { startForeman } from '../helpers/foreman.ts'
import { startFake } from '../strength/support/rig.ts'
import { languages, missing, prepare, type Receiver, startReceiver } from './receivers.ts'

const toleranceS = 300
/** Within it no clock on this machine is off, and no test is slow. */
const slackS = 20

const nowS = () => Math.floor(Date.now() / 1000)

/** A message of a job. Spaces and letters that JSON may write in other ways: who writes it anew has other bytes. */
const bodyOf = (job: string, seq: number) =>
  `{"type": "job.done", "data": {"id": "${job}", "seq": ${seq}, "result": {"response": "Gr\\u00fc\u00dfe, 中 🦙", "n": 1.0}}}`

let made = 0
const newEventId = () => `evt_01m4f1v3m5v8w2kq0d1n7e${String(++made).padStart(4, '0')}`

interface Sending {
  readonly id?: string
  readonly atS?: number
  readonly body?: string
  readonly secrets: readonly Buffer[]
}

/** Posts a message; `change` is what somebody else did to it on its way. @returns the status of the answer */
async function post(
  { url }: Receiver,
  { id = newEventId(), atS = nowS(), body = bodyOf('job_1', 4), secrets }: Sending,
  change: (headers: SignatureHeaders, body: string) => { headers?: object; body?: string } = () => ({})
): Promise<number> {
  const headers = signatureHeaders({ id, atS, body }, { secrets })
  const changed = { headers, body, ...change(headers, body) }
  const { status, body: answer } = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...changed.headers },
    body: changed.body
  })
  await answer?.cancel()
  return status
}

type Forgery = [what: string, sending: Partial<Sending>, change?: Parameters<typeof post>[2]]

const signedBy = (signature: string) => (headers: SignatureHeaders) => ({
  headers: { ...headers, 'webhook-signature': signature }
})

/** Each is refused, though everything else about it is right. */
const forgeries: Forgery[] = [
  ['signed with another secret', { secrets: [newSecret()] }],
  ['not signed', { secrets: [] }],
  ['another body', {}, (_, body) => ({ body: body.replace('job_1', 'job_2') })],
  ['parsed and written anew', {}, (_, body) => ({ body: JSON.stringify(JSON.parse(body)) })],
  ['no body', {}, () => ({ body: '' })],
  ['another id', {}, headers => ({ headers: { ...headers, 'webhook-id': newEventId() } })],
  ['old', { atS: nowS() - toleranceS - slackS }],
  ['from the future', { atS: nowS() + toleranceS + slackS }],
  [
    'recorded, and given a new time',
    { atS: nowS() - toleranceS - slackS },
    headers => ({ headers: { ...headers, 'webhook-timestamp': String(nowS()) } })
  ],
  ['a time that is none', {}, headers => ({ headers: { ...headers, 'webhook-timestamp': 'NaN' } })],
  ['without headers', {}, () => ({ headers: {} })],
  ['an empty signature', {}, signedBy('v1,')],
  ['a signature that is no base64', {}, signedBy('v1,%%% v1 ,, v1')],
  [
    'the right signature under another version',
    {},
    headers => ({
      headers: { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,') }
    })
  ],
  [
    'the beginning of the right signature',
    {},
    headers => ({ headers: { ...headers, 'webhook-signature': headers['webhook-signature'].slice(0, 20) } })
  ],
  ['too long', { body: bodyOf('x'.repeat(65 * 1024), 1) }]
]

interface StoredEvent {
  readonly type: string
  readonly seq: number
}

/** Has a foreman of its own do a job that tells a receiver. */
async function doJob(
  t: TestContext,
  receiver: Receiver,
  webhook: object
): Promise<{ url: string; id: string }> {
  const fake = await startFake(t, { models: [{ name: 'alpha', size_bytes: 1e9 }] })
  const settings = { plugins: { webhooks: { allow: [new URL(receiver.url).host] } } }
  const { url } = await startForeman(t, { target: fake.url, settings })
  const answer = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'alpha', prompt: 'Grüße, 中 🦙', metadata: { ключ: '🦙' }, webhook })
  })
  assert.equal(answer.status, 202)
  const { id } = (await answer.json()) as { id: string }
  return { url, id }
}

for (const language of languages) {
  const skip = missing(language)

  test(`the receiver in ${language} takes what foreman signs and nothing else`, { skip }, async t => {
    const program = prepare(t, language)
    const [secret, before, after] = [newSecret(), newSecret(), newSecret()]
    const receiver = await startReceiver(t, program, secretText(secret))
    const secrets = [secret]
    /** Says that nothing was taken since the last line: the next line is that of a message sent now. */
    const takesNext = async (sending: Sending = { secrets }) => {
      const id = newEventId()
      assert.equal(await post(receiver, { id, body: bodyOf('job_3', 7), ...sending }), 204)
      assert.equal(await receiver.line(), `${id} job.done job_3 7`)
    }

    await t.test('a message is taken once, however often it comes', async () => {
      const id = newEventId()
      assert.equal(await post(receiver, { id, secrets }), 204)
      assert.equal(await receiver.line(), `${id} job.done job_1 4`)
      assert.equal(await post(receiver, { id, secrets, atS: nowS() - 5 }), 204)
      await takesNext()
    })

    await t.test('clocks may differ by a little less than the tolerance', async () => {
      await takesNext({ secrets, atS: nowS() - toleranceS + slackS })
      await takesNext({ secrets, atS: nowS() + toleranceS - slackS })
    })

    await t.test('during a rotation either secret is enough', async () => {
      await takesNext({ secrets: [after, secret] })
      await takesNext({ secrets: [secret, before] })
      assert.equal(await post(receiver, { secrets: [after, before] }), 400)
    })

    for (const [what, sending, change] of forgeries) {
      await t.test(`refuses: ${what}`, async () => {
        assert.equal(await post(receiver, { secrets, ...sending }, change), 400)
        await takesNext()
      })
    }
  })

  test(`the receiver in ${language} takes what foreman sends`, { skip }, async t => {
    const secret = secretText(newSecret())
    const receiver = await startReceiver(t, prepare(t, language), secret)
    const { url, id } = await doJob(t, receiver, { url: receiver.url, secret })
    const told = await Promise.all([1, 2, 3, 4].map(() => receiver.line()))
    const events = told.map(line => line.replace(/^evt_[0-9a-z]{26} /, ''))
    const { data } = (await (await fetch(`${url}/jobs/${id}/events`)).json()) as { data: StoredEvent[] }
    const expected = data.filter(({ type }) => !type.startsWith('job.output'))
    assert.deepEqual(
      events,
      expected.map(({ type, seq }) => `${type} ${id} ${seq}`)
    )
    assert.deepEqual(
      events.map(line => line.split(' ')[0]),
      ['job.queued', 'job.loading', 'job.working', 'job.done']
    )
  })

  test(`the receiver in ${language} does not start with what is no secret`, { skip }, async t => {
    const program = prepare(t, language)
    for (const wrong of ['', 'whsec_', 'whsec_c2hvcnQ=', 'a password of thirty-two letters'])
      await assert.rejects(startReceiver(t, program, wrong), /WEBHOOK_SECRET/, wrong)
  })
}

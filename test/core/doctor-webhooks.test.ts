/** What the doctor says of standing endpoints that foreman has stopped sending to. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Finding } from '../../core/commands/doctor/finding.ts'
import { examineWebhooks } from '../../core/commands/doctor/webhooks.ts'
import { type Stage, startStage } from '../plugins/webhooks/stage.ts'
import { amissOf, doctor, plainSettings } from './doctor-stage.ts'

const look = (t: TestContext, { app }: Stage) => examineWebhooks(app.db, plainSettings(t))

const seenOf = (findings: readonly Finding[]) => findings.map(({ code, seen }) => [code, seen])

test('an endpoint whose receiver is gone is told: since when, why, what is held, what to do', async t => {
  const stage = await startStage(t)
  stage.receiver.answers({ status: 410 })
  const url = `${stage.receiver.url}/hush?key=hush`
  const { id } = await stage.endpoint({ url, events: ['job.queued', 'job.done'] })
  const disabled = new Promise(resolve => stage.app.telemetry.once('webhooksSettled', resolve))
  await stage.submit()
  await disabled
  const later = await stage.submit()
  await stage.ended(later.id)
  for (;;) {
    const { body } = await stage.ask<{ data: object[] }>('GET', '/webhook-deliveries?state=held')
    if (body.data.length === 3) break
  }

  const { code, findings } = await doctor(t, { data_dir: stage.dataDir, target: { url: stage.fake.url } })
  assert.equal(code, 0, 'a warning')
  assert.deepEqual(amissOf(findings), ['webhooks.endpoint_disabled'])
  const { seen, mend } = findings.find(finding => finding.code === 'webhooks.endpoint_disabled')!
  const { body } = await stage.ask<{ disabled_at: string }>('GET', `/webhook-endpoints/${id}`)
  assert.equal(
    seen,
    `${id} at ${new URL(url).host} is told of nothing since ${body.disabled_at}: its receiver answered 410; 3 messages are held for it`
  )
  assert.match(
    mend!,
    new RegExp(`DELETE /webhook-endpoints/${id} .* then POST /webhook-endpoints/${id}/enable`)
  )
  assert.doesNotMatch(JSON.stringify(findings), /hush/)

  assert.equal((await stage.ask('POST', `/webhook-endpoints/${id}/enable`)).status, 200)
  assert.deepEqual(seenOf(look(t, stage)), [['webhooks.endpoints', '1 standing endpoints']])
})

test('so is one that took nothing for long, and one whose secret does not open; not what was done by hand', async t => {
  const stage = await startStage(t)
  assert.deepEqual(look(t, stage), [], 'without endpoints there is nothing to tell')
  const ids: string[] = []
  for (let n = 0; n < 4; n++) ids.push((await stage.endpoint()).id)
  assert.equal((await stage.ask('POST', `/webhook-endpoints/${ids[0]}/disable`)).status, 200)
  assert.deepEqual(seenOf(look(t, stage)), [
    ['webhooks.endpoints', '4 standing endpoints, 1 of them disabled by hand']
  ])
  const disable = stage.app.db.prepare(
    'UPDATE webhook_endpoint SET disabled_at = ?, disabled_reason = ? WHERE id = ?'
  )
  disable.run(2000, 'failing', ids[1])
  disable.run(1000, 'secret_lost', ids[2])
  const findings = look(t, stage)
  const { host } = new URL(stage.receiver.url)
  const since = (id: string, second: number) =>
    `${id} at ${host} is told of nothing since 1970-01-01T00:00:0${second}.000Z: `
  assert.deepEqual(
    findings.map(({ seen }) => seen),
    [
      `${since(ids[2]!, 1)}its secret does not open, as the key file was exchanged; 0 messages are held for it`,
      `${since(ids[1]!, 2)}it took nothing for plugins.webhooks.disable_after_s; 0 messages are held for it`
    ]
  )
  assert.match(findings[0]!.mend!, new RegExp(`^POST /webhook-endpoints/${ids[2]}/secret/rotate`))
  assert.match(findings[1]!.mend!, new RegExp(`POST /webhook-endpoints/${ids[1]}/test`))
  const off = plainSettings(t, { plugins: { auth: {}, webhooks: false } })
  assert.deepEqual(examineWebhooks(stage.app.db, off), [])
})

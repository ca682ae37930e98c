/** Lines as a stream: what is answered when, and what is left when an end of the connection goes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { answersOn, begin, jobCount, sendPiece } from './line-client.ts'
import { chatBody, type ShownJob, speaker, startStage } from './stage.ts'

test('answers come as their lines are stored, before the body has ended', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const socket = await begin(t, stage.url)
  sendPiece(socket, `${JSON.stringify(chatBody)}\n{"model":`)
  const [first] = await answersOn(socket, 1)
  assert.equal((await stage.ask('GET', `/jobs/${first!.id}`)).body.state, 'queued')
  sendPiece(socket, '"alpha","prompt":"x"}\n')
  const [second] = await answersOn(socket, 1)
  assert.ok(second!.id)
  assert.equal(jobCount(stage), 2)
})

test('of a body that is cut off every whole line is a job, and the rest is not', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const socket = await begin(t, stage.url)
  const line = JSON.stringify(chatBody)
  const closed = new Promise<void>(resolve => {
    stage.app.server.once('request', raw => raw.once('close', () => resolve()))
  })
  const requested = once(stage.app.server, 'request')
  sendPiece(socket, `${line}\n`.repeat(3) + line)
  await requested
  await answersOn(socket, 3)
  socket.destroy()
  await closed
  assert.equal(jobCount(stage), 3)
})

test('a client that sends everything before it reads gets every answer', async t => {
  const stage = await startStage(t)
  const socket = await begin(t, stage.url)
  socket.pause()
  // Answers of 600 bytes: more in all than the system holds for a socket that is not read.
  const model = `${'h'.repeat(340)}/${'n'.repeat(80)}/${'m'.repeat(80)}`
  const [count, perPiece] = [30_000, 1000]
  const piece = `${JSON.stringify({ model, prompt: 'x' })}\n`.repeat(perPiece)
  for (let sent = 0; sent < count; sent += perPiece) {
    sendPiece(socket, piece)
    if (socket.writableNeedDrain) await once(socket, 'drain')
  }
  socket.write('0\r\n\r\n')
  let answers = 0
  let rest = ''
  for await (const chunk of socket) {
    const lines = (rest + String(chunk)).split('\n')
    // A piece may end in the middle of a line, and the next one begin with a brace of its own.
    rest = lines.pop()!
    answers += lines.filter(line => line.startsWith('{')).length
    if (answers >= count) break
  }
  assert.equal(answers, count)
})

test('what was answered outlives a kill in the middle of the body', async t => {
  const fake = await startFake(t)
  const settings = withShortPauses()
  const first = await spawnForeman(t, { target: fake.url, settings })
  await speaker(first.url).ask('POST', '/queue/pause')
  const socket = await begin(t, first.url)
  sendPiece(socket, `${JSON.stringify(chatBody)}\n`.repeat(700))
  const answered = await answersOn(socket, 300)
  await first.kill()
  const second = await spawnForeman(t, { target: fake.url, settings, dataDir: first.dataDir })
  const { ask } = speaker(second.url)
  for (const { id } of answered) {
    const { status } = await ask<ShownJob>('GET', `/jobs/${id}`)
    assert.equal(status, 200, id)
  }
})

test('a stop does not wait for a body that never ends', async t => {
  const stage = await startStage(t)
  const socket = await begin(t, stage.url)
  sendPiece(socket, `${JSON.stringify(chatBody)}\n`)
  await answersOn(socket, 1)
  const closed = once(socket, 'close')
  await stage.app.close()
  await closed
})

/** A client that does not read: foreman holds the target back and keeps no more than its high-water mark. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeOllama } from '../../fake-ollama/start.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { chat, fault } from './stage.ts'

const answerBytes = 48 * 1024 * 1024
/** What the buffers of three sockets and foreman's mark can hold, with room to spare. */
const mostHeldBytes = answerBytes / 2
const quietMs = 500

test('the target is held back while the client does not read, and then everything arrives', async t => {
  const fake = await startFakeOllama()
  t.after(() => fake.kill())
  const meter = await startMeter(t, fake.url)
  const { url } = await startForeman(t, { target: meter.url })
  const { hostname, port } = new URL(url)
  const client = connect(Number(port), hostname)
  t.after(() => client.destroy())
  const { body, path } = chat()
  const [name, value] = fault('big_line', { size_bytes: answerBytes })
  const head = [`POST ${path} HTTP/1.1`, `Host: ${hostname}`, `${name}: ${value}`, 'Connection: close']
  client.write([...head, `Content-Length: ${Buffer.byteLength(body as string)}`, '', body].join('\r\n'))
  await meter.stalled()
  assert.ok(meter.passedBytes() < mostHeldBytes, `${meter.passedBytes()} bytes left the target`)
  let received = 0
  client.on('data', bytes => {
    received += bytes.length
  })
  await once(client, 'close')
  assert.ok(received > answerBytes, `${received} bytes arrived`)
})

/** A wire to the target that counts what the target could send, and holds nothing itself. */
async function startMeter(t: TestContext, target: string) {
  const sockets: Socket[] = []
  let passed = 0
  const server = createServer(near => {
    const far = connect(Number(new URL(target).port), '127.0.0.1')
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => {})
    far.on('data', bytes => {
      passed += bytes.length
    })
    near.pipe(far).pipe(near)
  })
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passedBytes: () => passed,
    /** Resolves when much has passed and nothing more comes; silence is all there is to see of a stalled sender. */
    async stalled() {
      for (let before = -1; passed < 1024 * 1024 || passed !== before; ) {
        before = passed
        await sleep(quietMs)
      }
    }
  }
}

/**
 * The server of the stand-in: the fake Ollama, which listens on loopback alone, and a door to it for other containers.
 * Asked to `hang` it is the door alone.
 */
import { connect, createServer, type Socket } from 'node:net'
import { FakeServer } from '../../../../test/fake-ollama/server.ts'

const fake = new FakeServer({
  max_loaded: Number(process.env.OLLAMA_MAX_LOADED_MODELS ?? 1),
  cloud_disabled: process.env.OLLAMA_NO_CLOUD === '1',
  check_host: false,
  load_delay_ms: 200,
  token_delay_ms: 20
})
const hangs = process.argv[2] === 'hang'
const port = hangs ? 0 : Number(new URL(await fake.listen()).port)

const door = createServer(socket => {
  socket.on('error', () => socket.destroy())
  if (!hangs) joinTo(connect(port, '127.0.0.1'), socket)
})
door.listen(11_434, '0.0.0.0')
process.once('SIGTERM', () => process.exit(0))

function joinTo(inner: Socket, outer: Socket): void {
  inner.on('error', () => outer.destroy())
  inner.on('close', () => outer.destroy())
  outer.on('close', () => inner.destroy())
  outer.pipe(inner).pipe(outer)
}

/**
 * No packet goes to a forbidden address: the sender as it runs, the kernel's own counters, addresses that answer.
 *
 * Everything happens in network namespaces of the test's own (namespace/world.ts), so nothing can leave the machine.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../../../plugins/webhooks/egress/sender.ts'
import type { Names } from './namespace/far.ts'
import type { Setup } from './namespace/near.ts'
import { FORBIDDEN, NEAR, PUBLIC, type Sent, startWorld, type World, whyNot } from './namespace/world.ts'

type Told = Omit<Answer, 'response'> & { response: string }

const METADATA = ['169.254.169.254', '100.100.100.200', 'fd00:ec2::254', '64:ff9b::a9fe:a9fe']
/** The certificate of the tests is for this name. */
const NAME = 'target.test'
const EVERYTHING = [80, 443, 8080, 8443].flatMap(port => [`0.0.0.0/0:${port}`, `[::]/0:${port}`])

const asHost = (address: string) => (address.includes(':') ? `[${address}]` : address)

/** What a step in the world sent, and where it arrived. */
interface Spent extends Sent {
  readonly arrived: Record<string, number>
}

async function spentBy(world: World, step: () => Promise<void>): Promise<Spent> {
  const look = async () => ({
    sent: await world.near.ask<Sent>('countSent'),
    arrived: await world.far.ask<Record<string, number>>('connections')
  })
  const before = await look()
  await step()
  const after = await look()
  const less = (a: Record<string, number>, b: Record<string, number>) =>
    Object.fromEntries(Object.keys(a).map(key => [key, a[key]! - (b[key] ?? 0)]))
  const arrived = Object.entries(less(after.arrived, before.arrived)).filter(([, count]) => count > 0)
  return {
    ...(less({ ...after.sent }, { ...before.sent }) as unknown as Sent),
    arrived: Object.fromEntries(arrived)
  }
}

const send = (world: World, url: string) => world.near.ask<Told>('send', url)
const setUp = (world: World, setup: Setup = {}) => world.near.ask('setUp', setup)
const setNames = (world: World, names: Names) => world.far.ask('setNames', names)

/** Every URL ends as blocked, and no packet left but the questions for names. */
async function assertBlocked(world: World, urls: readonly string[]): Promise<void> {
  const spent = await spentBy(world, async () => {
    for (const url of urls) {
      const got = await send(world, url)
      assert.equal(got.outcome, 'ssrf_blocked', url)
      assert.equal(got.address, null, url)
    }
  })
  assert.deepEqual(
    { wild: spent.wild, lo: spent.lo, connections: spent.connections },
    { wild: 0, lo: 0, connections: 0 }
  )
  assert.deepEqual(spent.arrived, {})
}

const reason = whyNot()
const proof = (title: string, run: (world: World) => Promise<void>) => ({ title, run })

const proofs = [
  proof('the counters count: each address is reached where nothing guards', async world => {
    for (const host of FORBIDDEN) {
      const spent = await spentBy(world, async () => {
        assert.equal(await world.near.ask('dialUnguarded', { host, port: 8080 }), 'answered', host)
      })
      assert.ok(spent.wild > 0, host)
      assert.equal(spent.connections, 1, host)
      assert.deepEqual(spent.arrived, { [host]: 1 })
    }
    const nowhere = await spentBy(world, async () => {
      await world.near.ask('dialUnguarded', { host: '127.0.0.1', port: 1 })
    })
    assert.ok(nowhere.lo > 0)
  }),

  proof('an event reaches a public address, and no other gets a packet', async world => {
    await setUp(world)
    await setNames(world, { [NAME]: [PUBLIC] })
    const spent = await spentBy(world, async () => {
      const got = await send(world, `https://${NAME}/`)
      assert.equal(got.outcome, '2xx', got.error ?? '')
      assert.equal(got.response, `at ${got.address}`)
    })
    assert.equal(spent.wild, 0)
    assert.equal(spent.lo, 0)
    assert.equal(spent.connections, 1)
    assert.ok(spent.open > 0)
  }),

  proof('forbidden addresses in a URL get no packet', async world => {
    await setUp(world)
    const literals = [...FORBIDDEN, '127.0.0.1', '::1', '::ffff:10.1.2.3', ...NEAR]
    const urls = literals.flatMap(address => [
      ...[`https://${asHost(address)}/`, `https://${asHost(address)}:8443/`],
      ...[`http://${asHost(address)}/`, `http://${asHost(address)}:8080/`]
    ])
    await assertBlocked(world, [...urls, 'https://0x0a010203/', 'https://167838211/', 'https://2852039166/'])
  }),

  proof('names that lead to forbidden addresses, alone or among public ones, get no packet', async world => {
    await setUp(world)
    const lists = [...FORBIDDEN, '127.0.0.1', '::1', 'fe80::5', '::ffff:10.1.2.3', '0.0.0.0'].flatMap(
      address => [
        ...[[address], [PUBLIC[0]!, address], [address, PUBLIC[0]!]],
        ...[
          [PUBLIC[1]!, address],
          [...PUBLIC, address],
          [address, ...PUBLIC]
        ]
      ]
    )
    const names = Object.fromEntries(lists.map((list, at) => [`n${at}.example.com`, [list]]))
    await setNames(world, names)
    await assertBlocked(
      world,
      Object.keys(names).map(name => `https://${name}/`)
    )
  }),

  proof('a name that leads elsewhere at the second attempt gets no packet there', async world => {
    await setUp(world)
    for (const next of FORBIDDEN) {
      await setNames(world, { [NAME]: [[PUBLIC[0]!], [next]] })
      const first = await spentBy(world, async () => {
        assert.equal((await send(world, `https://${NAME}/`)).address, PUBLIC[0])
      })
      assert.equal(first.wild, 0, 'the name is not looked up a second time within an attempt')
      await assertBlocked(world, [`https://${NAME}/`])
    }
  }),

  proof('a redirect into the network is not followed', async world => {
    await setUp(world)
    await setNames(world, { [NAME]: [[PUBLIC[0]!]] })
    for (const address of [...FORBIDDEN, '127.0.0.1']) {
      await world.far.ask('setRedirect', `http://${asHost(address)}/latest/meta-data?a=b`)
      const spent = await spentBy(world, async () => {
        const got = await send(world, `https://${NAME}/`)
        assert.equal(got.outcome, '3xx')
        assert.equal(got.location, `http://${asHost(address)}/latest/meta-data`)
      })
      assert.equal(spent.wild, 0)
      assert.equal(spent.lo, 0)
    }
    await world.far.ask('setRedirect')
  }),

  proof('an allow list that covers everything opens the network, and not cloud metadata', async world => {
    await setUp(world, { allow: [...EVERYTHING, 'metadata.google.internal:80'] })
    const names = Object.fromEntries(METADATA.map((address, at) => [`m${at}.example.com`, [[address]]]))
    await setNames(world, { ...names, 'metadata.google.internal': [[METADATA[0]!]] })
    const hosts = [...METADATA.map(asHost), '[::ffff:169.254.169.254]', ...Object.keys(names)]
    const urls = [...hosts, 'metadata.google.internal'].map(host => `http://${host}/latest/meta-data`)
    await assertBlocked(world, [...urls, ...hosts.map(host => `https://${host}/`)])

    const spent = await spentBy(world, async () => {
      assert.equal((await send(world, 'http://10.1.2.3:8080/')).response, 'at 10.1.2.3')
      assert.equal((await send(world, 'http://[fd00::5]/')).response, 'at fd00::5')
    })
    assert.deepEqual(spent.arrived, { '10.1.2.3': 1, 'fd00::5': 1 })
  }),

  proof('what is listed opens that address on that port alone', async world => {
    const listed = { allow: ['10.1.2.3/32:8080', 'hooks.lan:8080'] }
    await setUp(world, listed)
    await setNames(world, {
      'hooks.lan': [['192.168.7.8']],
      'a.example.com': [['10.1.2.3']],
      'b.example.com': [['192.168.7.8']]
    })
    const spent = await spentBy(world, async () => {
      for (const host of ['10.1.2.3', 'a.example.com', 'hooks.lan']) {
        assert.equal((await send(world, `http://${host}:8080/`)).outcome, '2xx', host)
      }
    })
    assert.deepEqual(spent.arrived, { '10.1.2.3': 2, '192.168.7.8': 1 })
    // What was delivered has a connection that is kept, whose end would count as well.
    await setUp(world, listed)
    const ports = ['http://10.1.2.3/', 'https://10.1.2.3/', 'http://hooks.lan/', 'https://hooks.lan/']
    await assertBlocked(world, [
      ...ports,
      'http://b.example.com:8080/',
      'https://a.example.com/',
      'http://192.168.7.8:8080/'
    ])
  }),

  proof('foreman itself gets no packet, whatever is allowed', async world => {
    const own = [{ address: '0.0.0.0', port: 8080 }]
    await world.near.ask('listen', 8080)
    await setUp(world, { allow: [...EVERYTHING, 'self.lan:8080'], own })
    const lists = ['127.0.0.1', '127.5.5.5', ...NEAR, '::1', '::ffff:127.0.0.1'].map(address => [address])
    const names = Object.fromEntries(lists.map((list, at) => [`s${at}.example.com`, [list]]))
    await setNames(world, { ...names, 'self.lan': [['127.0.0.1']] })
    const hosts = [...lists.flat().map(asHost), '0.0.0.0', '[::]', ...Object.keys(names)]
    await assertBlocked(
      world,
      hosts.map(host => `http://${host}:8080/`)
    )
    // The host that is listed is looked up by the system, which asks the same name server.
    await assertBlocked(world, ['http://self.lan:8080/'])
    assert.equal(await world.near.ask('heard'), 0)
  }),

  proof('the target gets no packet, by its address or by another name for it', async world => {
    await setNames(world, {
      'ollama.lan': [['10.1.2.3']],
      'alias.example.com': [['10.1.2.3']],
      'other.example.com': [['10.1.2.3', '172.16.5.6']]
    })
    for (const target of ['http://10.1.2.3:8080', 'http://ollama.lan:8080']) {
      await setUp(world, { allow: EVERYTHING, target })
      const urls = ['10.1.2.3', 'ollama.lan', 'alias.example.com', 'other.example.com', '[::ffff:10.1.2.3]']
      await assertBlocked(
        world,
        urls.map(host => `http://${host}:8080/`)
      )
      assert.equal((await send(world, 'http://10.1.2.3/')).outcome, '2xx', 'its port alone is closed')
    }
  }),

  proof('a name without addresses sends no packet but its questions', async world => {
    await setUp(world)
    await setNames(world, {})
    const spent = await spentBy(world, async () => {
      assert.equal((await send(world, 'https://missing.example.com/')).error, 'name not found')
    })
    assert.equal(spent.wild + spent.lo + spent.connections, 0)
  })
]

test('no packet goes to a forbidden address', { skip: reason ?? false, timeout: 120_000 }, async t => {
  const world = await startWorld(t)
  for (const { title, run } of proofs) await t.test(title, () => run(world))
})

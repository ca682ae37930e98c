/** What `allow` opens, and what no entry of it opens: cloud metadata, foreman itself, the target. */
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { egressRules, WebhookUrlRefusedError } from '../../../../plugins/webhooks/egress/rules.ts'

const target = new URL('http://192.168.7.7:11434')

function rules(allow: readonly string[] = [], own: readonly { address: string; port: number }[] = []) {
  return egressRules({ allow, own: () => own, target })
}

function refuses(url: string, allow: readonly string[] = []): void {
  assert.throws(() => rules(allow).check(url), WebhookUrlRefusedError, `${url} with [${allow}]`)
}

function accepts(url: string, allow: readonly string[] = []): URL {
  return rules(allow).check(url)
}

test('a listed subnet opens its addresses on its port, also to plain http', () => {
  const allow = ['192.168.1.0/24:8080', '[fd00::]/8:443', '10.0.0.5:9000', '[fd00:1::5]:9001']
  accepts('http://192.168.1.20:8080/hook', allow)
  accepts('https://192.168.1.20:8080/hook', allow)
  accepts('http://[::ffff:192.168.1.20]:8080/hook', allow)
  accepts('https://[fd12::1]/', allow)
  accepts('http://10.0.0.5:9000/', allow)
  accepts('http://[fd00:1::5]:9001/', allow)
  accepts('http://a-name-that-may-lead-there.example:8080/', allow)
  refuses('http://192.168.2.20:8080/', allow)
  refuses('http://192.168.1.20:8081/', allow)
  refuses('https://192.168.1.20/', allow)
  refuses('http://10.0.0.6:9000/', allow)
  refuses('http://printer:8080/', allow)
})

test('a listed port opens nothing of the internet: a name has to lead into the subnet', async () => {
  const guard = rules(['192.168.1.0/24:8080', '192.168.1.0/24:80'])
  for (const url of ['http://hook.example:8080/', 'https://hook.example:8080/', 'http://hook.example/']) {
    const to = guard.destination(url)
    assert.equal(await guard.mayDial(to, ['192.168.1.20']), true, url)
    assert.equal(await guard.mayDial(to, ['93.184.216.34']), false, url)
    assert.equal(await guard.mayDial(to, ['192.168.1.20', '93.184.216.34']), false, url)
  }
})

test('a listed host opens itself on its port, and no other', () => {
  const allow = ['hooks.LAN.:443', 'receiver:8080', 'localhost:9000']
  accepts('https://hooks.lan/', allow)
  accepts('http://receiver:8080/', allow)
  accepts('http://localhost:9000/', allow)
  refuses('http://hooks.lan/', allow)
  refuses('http://hooks.lan:8443/', allow)
  refuses('http://receiver:8081/', allow)
  refuses('http://127.0.0.1:9000/', allow)
})

test('an entry that cannot be read says which it is and what is expected', () => {
  const wrong = [
    '',
    '10.0.0.0/8',
    'hooks.lan',
    'hooks.lan:0',
    'hooks.lan:65536',
    '10.0.0.0/33:80',
    '[fd00::]/129:80'
  ]
  wrong.push(
    'fd00::/8:443',
    'http://hooks.lan:80',
    'hooks.lan/8:80',
    '*:443',
    '*.lan:443',
    'a b:80',
    '[hooks]:80'
  )
  wrong.push('10.0.0.0/8:8o', 'a@b:80', '0x7f.1:80', '[::ffff:10.0.0.1]/96:80', ':443')
  for (const entry of wrong) {
    const says = (error: Error) =>
      error.message.startsWith(`"${entry}" is not a subnet or a host with its port, such as`)
    assert.throws(() => rules([entry]), says, entry)
  }
})

test('no allow list opens cloud metadata, in any form', () => {
  const all = ['0.0.0.0/0:443', '[::]/0:443', 'metadata.google.internal:443']
  accepts('https://10.0.0.1/', all)
  const places = [
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '0.0.0.0'
  ]
  for (const place of places) {
    refuses(`https://${place}/`, all)
    for (const form of [
      `::ffff:${place}`,
      `::${place}`,
      `64:ff9b::${place}`,
      `64:ff9b:1::${place}`,
      `::ffff:0:${place}`
    ]) {
      refuses(`https://[${form}]/`, all)
    }
  }
  for (const place of ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', '2002:a9fe:a9fe::', '::']) {
    refuses(`https://[${place}]/`, all)
  }
})

test('no allow list opens foreman itself, at the address and port it listens on', async () => {
  const all = ['0.0.0.0/0:8080', '0.0.0.0/0:8081', '[::]/0:8080', 'self.example:8080']
  const own = [{ address: '127.0.0.1', port: 8080 }]
  const guard = rules(all, own)
  assert.throws(() => guard.check('http://127.0.0.1:8080/'), WebhookUrlRefusedError)
  assert.throws(() => guard.check('http://[::ffff:127.0.0.1]:8080/'), WebhookUrlRefusedError)
  guard.check('http://127.0.0.1:8081/')
  guard.check('http://127.0.0.2:8080/')
  const named = guard.destination('http://self.example:8080/')
  assert.equal(await guard.mayDial(named, ['127.0.0.1']), false)
  assert.equal(await guard.mayDial(named, ['127.0.0.2']), true)
  assert.equal(await guard.mayDial(named, ['127.0.0.2', '127.0.0.1']), false)
  assert.equal(await guard.mayDial(named, []), false)
})

test('where foreman listens on every address, each of this machine is its own', () => {
  const all = ['0.0.0.0/0:8080', '[::]/0:8080']
  const mine = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
  for (const address of ['0.0.0.0', '::']) {
    const guard = rules(all, [{ address, port: 8080 }])
    for (const place of [
      '127.0.0.1',
      '127.9.9.9',
      '[::1]',
      ...mine.map(one => (one.includes(':') ? `[${one}]` : one))
    ]) {
      assert.throws(() => guard.check(`http://${place}:8080/`), WebhookUrlRefusedError, place)
    }
    guard.check('http://192.168.250.250:8080/')
  }
})

test('no allow list opens the target, by its address or by its name', async () => {
  const all = ['0.0.0.0/0:11434', 'ollama.lan:11434', 'localhost:11434', 'other.lan:11434']
  assert.throws(() => rules(all).check('http://192.168.7.7:11434/'), WebhookUrlRefusedError)
  rules(all).check('http://192.168.7.8:11434/')

  const own = () => []
  const byName = egressRules({ allow: all, own, target: new URL('http://ollama.lan:11434') })
  assert.throws(() => byName.check('http://OLLAMA.lan.:11434/'), WebhookUrlRefusedError)

  const resolved = egressRules({ allow: all, own, target: new URL('http://localhost:11434') })
  const other = resolved.destination('http://other.lan:11434/')
  assert.equal(await resolved.mayDial(other, ['127.0.0.1']), false, 'another name for the same place')
  assert.equal(await resolved.mayDial(other, ['127.0.0.2']), true)
})

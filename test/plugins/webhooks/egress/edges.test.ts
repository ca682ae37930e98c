/** Rules at their edges: each case here fails when one condition of the rules is turned around or left out. */
import assert from 'node:assert/strict'
import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import { type TestContext, test } from 'node:test'
import { canonicalAddress, isPublic } from '../../../../plugins/webhooks/egress/addresses.ts'
import { faultOf, type Step } from '../../../../plugins/webhooks/egress/faults.ts'
import { locationOf, outcomeOf, retryAfterOf } from '../../../../plugins/webhooks/egress/read-answer.ts'
import { egressRules, WebhookUrlRefusedError } from '../../../../plugins/webhooks/egress/rules.ts'

function rules(allow: readonly string[], target = 'http://192.168.7.7:11434', ownAddress?: string) {
  const own = () => (ownAddress === undefined ? [] : [{ address: ownAddress, port: 8080 }])
  return egressRules({ allow, own, target: new URL(target) })
}

function refuses(url: string, allow: readonly string[] = [], target?: string, why = /./): void {
  const isRefusal = (error: Error) => error instanceof WebhookUrlRefusedError && why.test(error.message)
  assert.throws(() => rules(allow, target).check(url), isRefusal, `${url} with [${allow}]`)
}

test('an address with a zone is none, and only ::ffff:0:0/96 stands for IPv4', () => {
  assert.equal(canonicalAddress('fe80::1%eth0'), undefined)
  const lookalike = '2606:2800:220:1:0:ffff:7f00:1'
  assert.equal(canonicalAddress(lookalike), lookalike)
  assert.equal(isPublic('2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'), false)
})

test('the metadata of pods is never allowed; what only begins like NAT64 is no way to it', () => {
  const all = ['0.0.0.0/0:443', '[::]/0:443']
  refuses('https://169.254.170.23/', all)
  refuses('https://[64:ff9b::169.254.169.254]/', all)
  rules(all).check('https://[64:1::169.254.169.254]/')
})

test('an entry of the list is one host or one subnet, and one port up to 65535', () => {
  for (const entry of ['a?b:80', 'a#b:80', 'a\\b:80', 'a%62:80', '[10.0.0.1]:80', '[::ffff:10.0.0.1]/24:80'])
    assert.throws(() => rules([entry]), { message: /^".*" is not a subnet or a host with its port/ }, entry)
  rules(['hooks.lan:65535']).check('https://hooks.lan:65535/')
  rules(['hooks.LAN.:8080']).check('http://hooks.lan:8080/')
  const two = rules(['10.0.0.1:8080', '10.0.0.2:8080'])
  for (const host of ['10.0.0.1', '10.0.0.2']) two.check(`http://${host}:8080/`)
})

test('a listed host opens http and https alone, and a password alone is refused too', () => {
  for (const scheme of ['ftp', 'ws', 'foo']) refuses(`${scheme}://hooks.lan:8080/`, ['hooks.lan:8080'])
  refuses('https://:b@example.com/')
  refuses('https://./', [], undefined, /its host is not a name/)
})

test('names that only look like local ones are names of the internet', () => {
  for (const name of ['hooks.notlocalhost', 'a.homexarpa']) rules([]).check(`https://${name}/`)
})

test('the target is known by each spelling of its URL, on its own port alone', () => {
  refuses('http://[fd00::7]:11434/', ['[fd00::]/8:11434'], 'http://[fd00:0::7]:11434')
  refuses('http://ollama.lan:11434/', ['ollama.lan:11434'], 'http://ollama.lan.:11434')
  refuses('https://ollama.lan/', ['ollama.lan:443'], 'https://ollama.lan')
  refuses('http://ollama.lan/', ['ollama.lan:80'], 'http://ollama.lan')
  rules(['192.168.7.7:9000']).check('http://192.168.7.7:9000/')
  rules(['ollama.lan:9000'], 'http://ollama.lan:11434').check('http://ollama.lan:9000/')
})

test('where foreman listens on every address, a name is still none of them', () => {
  rules(['hooks.lan:8080'], undefined, '0.0.0.0').check('http://hooks.lan:8080/')
})

/** Stands for the system's lookup of the target's name. */
function stubLookup(t: TestContext, answer: () => string) {
  const lookup = t.mock.method(dns, 'lookup', async () => [{ address: answer(), family: 4 }])
  syncBuiltinESMExports()
  t.after(() => {
    lookup.mock.restore()
    syncBuiltinESMExports()
  })
  return lookup.mock
}

test('the name of the target is looked up again after 30 s, for its port alone; a failure changes nothing', async t => {
  let address = '10.0.0.1'
  const asked = stubLookup(t, () => {
    if (address === '') throw new Error('no name server')
    return address
  })
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  const guard = rules(['10.0.0.0/8:11434', '10.0.0.0/8:9000'], 'http://ollama.lan:11434')
  const [to, elsewhere] = [11434, 9000].map(port => guard.destination(`http://hook.example:${port}/`))
  const mayDial = (host: string) => guard.mayDial(to!, [host])
  assert.equal(await guard.mayDial(elsewhere!, ['10.0.0.1']), true)
  assert.equal(asked.callCount(), 0)
  assert.deepEqual([await mayDial('10.0.0.1'), await mayDial('10.0.0.2')], [false, true])
  address = '10.0.0.2'
  now += 29_999
  assert.deepEqual([await mayDial('10.0.0.1'), await mayDial('10.0.0.2')], [false, true])
  assert.equal(asked.callCount(), 1)
  now += 1
  assert.deepEqual([await mayDial('10.0.0.1'), await mayDial('10.0.0.2')], [true, false])
  address = ''
  now += 30_000
  assert.deepEqual([await mayDial('10.0.0.1'), await mayDial('10.0.0.2')], [true, false])
  assert.equal(asked.callCount(), 3)
})

test('a target that is an address is not looked up', async t => {
  const asked = stubLookup(t, () => '10.0.0.1')
  const guard = rules(['10.0.0.0/8:11434'])
  assert.equal(await guard.mayDial(guard.destination('http://10.0.0.1:11434/'), ['10.0.0.1']), true)
  assert.equal(asked.callCount(), 0)
})

const unreachable = 'host unreachable'
const unknown = 'certificate of an unknown authority'
const faults: readonly [step: Step, outcome: string, phrase: string, ...codes: string[]][] = [
  ['connect', 'connect', unreachable, 'EHOSTUNREACH', 'ENETUNREACH', 'EINVAL', 'EADDRNOTAVAIL'],
  ['answer', 'connect', 'connection closed', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'],
  ['answer', 'connect', 'request cannot be sent', 'UND_ERR_INVALID_ARG'],
  ['answer', 'connect', 'refused by the proxy', 'UND_ERR_PRX_CONN', 'UND_ERR_PRX_TLS'],
  ['connect', 'timeout', 'no connection in time', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'],
  ['dns', 'dns', 'name not found', 'ENOTFOUND', 'ENODATA', 'EBADNAME'],
  ['tls', 'tls', 'certificate has expired', 'CERT_HAS_EXPIRED'],
  ['tls', 'tls', 'certificate is not valid yet', 'CERT_NOT_YET_VALID'],
  ['tls', 'tls', 'self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['tls', 'tls', unknown, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT'],
  ['tls', 'tls', unknown, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'SELF_SIGNED_CERT_IN_CHAIN']
]

test('each error has its words; of several the first has', () => {
  for (const [step, outcome, phrase, ...codes] of faults)
    for (const code of codes) {
      const error = Object.assign(new Error('10.0.0.1'), { code })
      for (const one of [error, new AggregateError([error, new Error('x')])]) {
        const fault = faultOf(one, step)
        assert.deepEqual([fault.outcome, fault.message], [outcome, phrase], code)
      }
    }
  for (const odd of [undefined, 7, Object.assign(new Error('10.0.0.1'), { code: 7 })])
    assert.equal(faultOf(odd, 'connect').message, 'no connection')
})

test('what a redirect shows has no user, no query, no end that never comes', () => {
  const asked = new URL('https://example.com/a')
  const shown = (location: string | string[], status = 301) => locationOf(status, { location }, asked)
  assert.equal(shown('https://u:p@example.com/b?c#d'), 'https://example.com/b')
  assert.equal(shown(['/first', '/second']), 'https://example.com/first')
  assert.equal(shown('/b', 201), null)
  assert.equal(shown('http://['), null)
  assert.equal(shown(`/${'x'.repeat(600)}`)!.length, 512)
})

test('a status below all classes is a failure of the receiver', () => {
  assert.equal(outcomeOf(199), '5xx')
})

test('Retry-After is whole seconds or a date of HTTP, white space around it or not', () => {
  const now = Date.parse('2026-07-01T00:00:00Z')
  const asked = (text: string | string[]) => retryAfterOf(503, { 'retry-after': text }, now)
  assert.deepEqual(['7 ', ' 7', '7s', 'x7', '7.5', '2026-07-02'].map(asked), [
    7000,
    7000,
    null,
    null,
    null,
    null
  ])
  assert.equal(asked(['9', '7']), 9000)
  assert.equal(asked('Wed, 01 Jul 2026 00:00:30 GMT'), 30_000)
  assert.equal(asked('3601'), 3_600_000)
})

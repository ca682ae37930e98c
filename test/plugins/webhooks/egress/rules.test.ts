/** Which URLs and addresses are refused: every spelling of a literal, names, ports, the allow list, foreman's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isForemanError } from '../../../../core/errors.ts'
import { isPublic } from '../../../../plugins/webhooks/egress/addresses.ts'
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

const refused = {
  'no URL': [
    '',
    'example.com',
    '//example.com/',
    'https://',
    'https://[fe80::1%25eth0]/',
    'https://ex ample.com/'
  ],
  'another scheme': [
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'ws://example.com/'
  ],
  'plain http': ['http://example.com/', 'http://example.com:443/', 'http://93.184.216.34/'],
  'a user or a fragment': [
    'https://a@example.com/',
    'https://a:b@example.com/',
    'https://example.com/#a',
    'https://example.com/#'
  ],
  'another port': [
    'https://example.com:80/',
    'https://example.com:22/',
    'https://example.com:11434/',
    'https://example.com:0/'
  ],
  'a local name': [
    ...[
      'https://localhost/',
      'https://localhost./',
      'https://LOCALHOST/',
      'https://a.localhost/',
      'https://ollama/'
    ],
    ...['https://printer.local/', 'https://printer.local.../', 'https://metadata.google.internal/'],
    ...['https://nas.home.arpa/', 'https://home.arpa/', 'https://internal/', 'https://ｌocalhost/']
  ],
  'no name': ['https://./', 'https://../', 'https://a..b/'],
  'IPv4, in its spellings': [
    ...[
      'https://127.0.0.1/',
      'https://127.0.0.1./',
      'https://127.1/',
      'https://0x7f.1/',
      'https://2130706433/'
    ],
    ...[
      'https://017700000001/',
      'https://0x7f000001/',
      'https://１２７.0.0.1/',
      'https://127%2e0.0.1/',
      'https://0/'
    ],
    ...['https://10.1.2.3/', 'https://172.16.0.1/', 'https://192.168.1.1:8443/', 'https://169.254.169.254/']
  ],
  'IPv6, in its spellings': [
    ...[
      'https://[::1]/',
      'https://[::]/',
      'https://[0:0:0:0:0:0:0:1]/',
      'https://[fd00::1]/',
      'https://[fe80::1]/'
    ],
    ...[
      'https://[::ffff:127.0.0.1]/',
      'https://[::ffff:7f00:1]/',
      'https://[::127.0.0.1]/',
      'https://[::ffff:0:10.0.0.1]/'
    ],
    ...[
      'https://[64:ff9b::10.0.0.1]/',
      'https://[64:ff9b:1::10.0.0.1]/',
      'https://[2002:a00:1::]/',
      'https://[2001:0:1::1]/'
    ]
  ]
}

for (const [what, urls] of Object.entries(refused)) {
  test(`${what} is refused`, () => {
    for (const url of urls) refuses(url)
  })
}

test('what is refused is told as 422 with the reason', () => {
  try {
    accepts('http://example.com/')
    assert.fail('it was accepted')
  } catch (error) {
    assert.ok(isForemanError(error))
    assert.equal(error.statusCode, 422)
    assert.equal(error.wireCode, 'webhook_url_refused')
    assert.match(error.message, /plain http is only for what plugins.webhooks.allow lists; use https$/)
  }
})

test('an https URL of the internet is accepted, in its one spelling', () => {
  assert.equal(accepts('https://Example.COM./hook?a=b').href, 'https://example.com/hook?a=b')
  assert.equal(accepts('https://example.com:443/').href, 'https://example.com/')
  assert.equal(accepts('https://example.com:8443/').port, '8443')
  assert.equal(accepts('https://93.184.216.34/').hostname, '93.184.216.34')
  assert.equal(accepts('https://[2606:2800:220:1::1]/').hostname, '[2606:2800:220:1::1]')
  assert.equal(accepts('https://does-not-exist.example/').hostname, 'does-not-exist.example')
  assert.equal(accepts('https://bücher.example/').hostname, 'xn--bcher-kva.example')
  assert.equal(accepts('https://notlocalhost.example/').hostname, 'notlocalhost.example')
})

/** The first and the last address of each blocked range. */
const ranges = [
  ...[
    '0.0.0.0-0.255.255.255',
    '10.0.0.0-10.255.255.255',
    '100.64.0.0-100.127.255.255',
    '127.0.0.0-127.255.255.255'
  ],
  ...[
    '169.254.0.0-169.254.255.255',
    '172.16.0.0-172.31.255.255',
    '192.0.0.0-192.0.0.255',
    '192.0.2.0-192.0.2.255'
  ],
  ...['192.88.99.0-192.88.99.255', '192.168.0.0-192.168.255.255', '198.18.0.0-198.19.255.255'],
  ...[
    '198.51.100.0-198.51.100.255',
    '203.0.113.0-203.0.113.255',
    '224.0.0.0-239.255.255.255',
    '240.0.0.0-255.255.255.255'
  ],
  ...[
    '::-::ffff:ffff',
    '::1-::1',
    '64:ff9b::-64:ff9b::ffff:ffff',
    '64:ff9b:1::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff'
  ],
  ...['100::-100::ffff:ffff:ffff:ffff', '2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ...['2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff::-3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ...['5f00::-5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ...['fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']
]

test('every blocked range is blocked from its first address to its last', () => {
  for (const range of ranges) {
    for (const address of range.split('-')) assert.equal(isPublic(address), false, address)
  }
})

test('what borders on a blocked range is public', () => {
  const neighbours = [
    '1.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255'
  ]
  neighbours.push('128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.0')
  neighbours.push('192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255')
  neighbours.push('2000::', '2001:200::', '2001:db7::', '2001:db9::', '2003::', '3ffe::', '3fff:1000::')
  for (const address of neighbours) assert.equal(isPublic(address), true, address)
})

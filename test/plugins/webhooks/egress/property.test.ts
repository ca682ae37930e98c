/** No address of a blocked range gets through: as a literal in any spelling, or among the answers for a name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalAddress } from '../../../../plugins/webhooks/egress/addresses.ts'
import { egressRules, WebhookUrlRefusedError } from '../../../../plugins/webhooks/egress/rules.ts'
import fc from '../../../helpers/fast-check.ts'

/** The ranges as base and length of prefix, counted here bit by bit and not by the code that is tested. */
const V4: [base: string, bits: number][] = [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16]
  ] as [string, number][]),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16]
  ] as [string, number][]),
  ...([
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4]
  ] as [string, number][])
]
const V6: [base: bigint, bits: number][] = [
  [0n, 96],
  [0x0064_ff9bn << 96n, 96],
  [0x0064_ff9b_0001n << 80n, 48],
  [0x0100n << 112n, 64],
  [0x2001_0db8n << 96n, 32],
  [0x2002n << 112n, 16],
  [0x3fffn << 112n, 20],
  [0x5f00n << 112n, 16],
  [0xfc00n << 112n, 7],
  [0xfe80n << 112n, 10],
  [0xff00n << 112n, 8]
]

const blockedV4 = fc.constantFrom(...V4).chain(([base, bits]) => {
  const start = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return fc.integer({ min: 0, max: 2 ** (32 - bits) - 1 }).map(offset => start + offset)
})
const blockedV6 = fc
  .constantFrom(...V6)
  .chain(([base, bits]) =>
    fc.bigInt({ min: 0n, max: (1n << BigInt(128 - bits)) - 1n }).map(offset => base + offset)
  )

const parts = (value: number) => [24, 16, 8, 0].map(shift => Math.floor(value / 2 ** shift) % 256)
const dotted = (value: number) => parts(value).join('.')
const groups = (value: bigint) => [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map(at => (value >> (at * 16n)) & 0xffffn)

/** An IPv4 address as an URL may spell it. */
const spelledV4: ((value: number) => string)[] = [
  dotted,
  value => `${dotted(value)}.`,
  value => String(value),
  value => `0x${value.toString(16)}`,
  value => `0${value.toString(8)}`,
  value =>
    parts(value)
      .map(part => `0x${part.toString(16)}`)
      .join('.'),
  value =>
    parts(value)
      .map(part => `0${part.toString(8)}`)
      .join('.'),
  value => `${parts(value)[0]}.${value % 2 ** 24}`,
  value => `${parts(value)[0]}.${parts(value)[1]}.${value % 2 ** 16}`,
  value => dotted(value).replaceAll('.', '%2E'),
  value => dotted(value).replace(/\d/g, digit => String.fromCharCode(0xff10 + Number(digit))),
  value => `[::ffff:${dotted(value)}]`,
  value => `[::FFFF:${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}]`,
  value => `[0:0:0:0:0:ffff:${dotted(value)}]`
]
const spelledV6: ((value: bigint) => string)[] = [
  value =>
    `[${groups(value)
      .map(group => group.toString(16))
      .join(':')}]`,
  value =>
    `[${groups(value)
      .map(group => group.toString(16).padStart(4, '0').toUpperCase())
      .join(':')}]`
]

const blockedHost = fc.oneof(
  fc.tuple(blockedV4, fc.constantFrom(...spelledV4)).map(([value, spell]) => spell(value)),
  fc.tuple(blockedV6, fc.constantFrom(...spelledV6)).map(([value, spell]) => spell(value))
)
const publicAddress: fc.Arbitrary<string> = fc.constantFrom(
  '93.184.216.34',
  '8.8.8.8',
  '2606:2800:220:1::1',
  '2a00:1450::1'
)

const rules = egressRules({ allow: [], own: () => [], target: new URL('http://127.0.0.1:11434') })

test('no URL with a blocked address passes, however it is spelled', () => {
  const suffix = fc.constantFrom('/', ':443/', ':8443/a?b=c', '/@example.com', '/\\example.com')
  fc.assert(
    fc.property(blockedHost, suffix, (host, rest) => {
      assert.throws(() => rules.check(`https://${host}${rest}`), WebhookUrlRefusedError, host)
    }),
    { numRuns: 2000 }
  )
})

test('no name passes whose addresses have a blocked one among them, wherever it stands', async () => {
  const address = fc.oneof(
    blockedV4.map(dotted),
    blockedV4.map(value => `::ffff:${dotted(value)}`),
    blockedV6.map(value => spelledV6[0]!(value).slice(1, -1))
  )
  const mixed = fc
    .tuple(fc.array(publicAddress, { maxLength: 4 }), address, fc.nat())
    .map(([fit, unfit, at]) => {
      return fit.toSpliced(at % (fit.length + 1), 0, unfit)
    })
  const to = rules.destination('https://hook.example.com/')
  await fc.assert(
    fc.asyncProperty(mixed, async addresses => {
      assert.equal(
        await rules.mayDial(
          to,
          addresses.map(one => canonicalAddress(one)!)
        ),
        false
      )
    }),
    { numRuns: 1000 }
  )
})

test('names of public addresses alone pass', async () => {
  const to = rules.destination('https://hook.example.com/')
  await fc.assert(
    fc.asyncProperty(fc.array(publicAddress, { minLength: 1, maxLength: 5 }), async addresses => {
      assert.equal(await rules.mayDial(to, addresses), true)
    })
  )
})

test('whatever the text, a URL is accepted or refused, and what is accepted is https of the internet', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl(),
        fc.string(),
        fc.string().map(text => `https://${text}`)
      ),
      text => {
        try {
          const url = rules.check(text)
          assert.equal(url.protocol, 'https:')
          assert.match(url.port, /^(8443)?$/)
          assert.match(url.hostname, /\./)
        } catch (error) {
          assert.ok(error instanceof WebhookUrlRefusedError, String(error))
        }
      }
    ),
    { numRuns: 2000 }
  )
})

/** What a fuzzer cannot guess from a schema: names of models, ids that are there, bodies the target understands. */
import fc from '../helpers/fast-check.ts'
import type { Hints } from './value.ts'

/** Stands for an id or a cursor of foreman's own, told by one of its earlier answers. */
export const known = (kind: KnownKind) => fc.nat({ max: 1000 }).map(nth => `@${kind}:${nth}@`)

/** What is remembered of answers. */
export type KnownKind = 'job' | 'art' | 'whe' | 'dlv' | 'cursor'

/** Replaces the words of {@link known} by what was learned; by a plausible one before anything was. */
export function fillIn(text: string, learned: Readonly<Record<KnownKind, readonly string[]>>): string {
  return text.replace(/@(job|art|whe|dlv|cursor):(\d+)@/g, (_word, kind: KnownKind, nth) => {
    const all = learned[kind]
    return all[Number(nth) % all.length] ?? `${kind}_01jzzzzzzzzzzzzzzzzzzzzzzz`
  })
}

const model = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('alpha', 'beta:latest', 'GAMMA') },
  { weight: 1, arbitrary: fc.constantFrom('nobody', '', 'a/b/c/d:e', 'gpt-oss:120b-cloud') }
)
const image = fc.oneof(fc.constantFrom('aGVsbG8=', 'no base64!'), fc.record({ artifact_id: known('art') }))
const message = fc.record(
  {
    role: fc.constantFrom('user', 'system'),
    content: fc.string(),
    images: fc.array(image, { maxLength: 2 })
  },
  { requiredKeys: ['role', 'content'] }
)
const options = fc.record({
  num_predict: fc.integer({ min: 0, max: 5 }),
  num_ctx: fc.constantFrom(512, 4096, 1e12)
})
const common = { options, stream: fc.boolean(), keep_alive: fc.constantFrom(0, -1, '5m', '5m', 'soon') }
const rest = { requiredKeys: ['model'] as ['model'] }

/** Bodies of Ollama's own routes. */
export const nativeBody: fc.Arbitrary<object> = fc.oneof(
  fc.record({ model, messages: fc.array(message, { maxLength: 3 }), ...common }, rest),
  fc.record({ model, prompt: fc.string(), images: fc.array(image, { maxLength: 2 }), ...common }, rest),
  fc.record({ model, input: fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 })) }, rest)
)

/** Members by their name, in bodies and queries. */
export const hints: Hints = {
  request: nativeBody,
  model,
  cursor: known('cursor'),
  url: fc.constantFrom('http://127.0.0.1:9/hook', 'https://localhost/', 'https://10.0.0.1/', 'nowhere'),
  state_webhook_url: fc.constantFrom('http://127.0.0.1:9/hook', 'https://localhost/'),
  events: fc.constantFrom(['job.done'], ['*'], ['job.*', 'target.*'], ['job.over'], []),
  types: fc.constantFrom(['job.done'], ['*'], ['job.over']),
  endpoint_id: known('whe'),
  job_id: known('job'),
  idempotency_key: fc.constantFrom('a', 'b', 'k'.repeat(300), ''),
  not_before: fc.constantFrom('2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z', '2026-02-30T25:61:61Z')
}

/** What clients may say: one JSON object a frame. docs/http-api.md tells what each does. */
import { type Static, Type } from 'typebox'
import { bodyCheck } from '../../core/schema-validator.ts'

const ref = Type.String({ minLength: 1, maxLength: 64 })
const id = Type.String({ minLength: 1, maxLength: 64 })
const strict = { additionalProperties: false } as const
const after = Type.Optional(
  Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.String({ maxLength: 64 })])
)
const mostNames = 1000

const names = Type.Optional(Type.Array(id, { minItems: 1, maxItems: mostNames }))
const forms = {
  subscribe: Type.Object(
    { op: Type.Literal('subscribe'), ref, job_id: id, after, types: names, job_ids: names },
    strict
  ),
  unsubscribe: Type.Object({ op: Type.Literal('unsubscribe'), ref, sub: id }, strict),
  cancel: Type.Object({ op: Type.Literal('cancel'), ref, job_id: id }, strict),
  ping: Type.Object({ op: Type.Literal('ping'), ref }, strict)
}

/** Begins to follow a job, or all of them: `job_id` is `*` then. Called by its `ref` from then on. */
export type Subscribe = Static<typeof forms.subscribe>
/** Whatever a client says. */
export type ClientFrame = { [Op in keyof typeof forms]: Static<(typeof forms)[Op]> }[keyof typeof forms]

/** A frame that nobody can act on. The message says what is wrong with it. */
export class BadFrameError extends Error {}

const checks = {
  subscribe: bodyCheck(forms.subscribe),
  unsubscribe: bodyCheck(forms.unsubscribe),
  cancel: bodyCheck(forms.cancel),
  ping: bodyCheck(forms.ping)
}

/** Reads one. @throws {BadFrameError} */
export function readFrame(text: string): ClientFrame {
  const frame = parse(text)
  const op = (frame as { op?: unknown } | null)?.op
  if (typeof op !== 'string' || !Object.hasOwn(checks, op)) {
    throw new BadFrameError(`op must be one of ${Object.keys(checks).join(', ')}`)
  }
  const checked = check(op as keyof typeof checks, frame)
  if (checked.op === 'subscribe' && checked.job_id !== '*' && (checked.types ?? checked.job_ids)) {
    throw new BadFrameError('types and job_ids narrow job_id "*" alone')
  }
  return checked
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new BadFrameError('the frame is not JSON')
  }
}

function check(op: keyof typeof checks, frame: unknown): ClientFrame {
  try {
    return checks[op](frame)
  } catch (err) {
    throw new BadFrameError((err as Error).message)
  }
}

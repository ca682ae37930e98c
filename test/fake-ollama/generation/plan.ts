/**
 * What a fake model says: the same words for the same request, always.
 */
import { sha256 } from '../catalog/catalog.ts'
import type { Faults } from '../faults.ts'
import type { Logprob, ToolCall } from '../native/piece.ts'
import type { Tool } from '../native/requests.ts'

/** An answer before it is spoken. */
export interface Plan {
  thinking: string[]
  tokens: string[]
  toolCalls: ToolCall[]
  doneReason: 'stop' | 'length'
  promptTokens: number
}

/** What the answer depends on. */
export interface PlanInput {
  prompt: string
  think: boolean
  /** `undefined` leaves the count to the model. */
  numPredict: number | undefined
  /** No answer is longer than this. */
  maxTokens: number
  /** The model may stop before `numPredict`; otherwise it goes on to exactly that many. */
  mayStopEarly: boolean
  tokenCount: number
  /** Stem of the words. */
  word: string
  stop: string[]
  json: boolean
  tools?: Tool[]
  /** Calls come after the words, not in their place. */
  talksWithTools: boolean
  faults: Faults
}

const THINKING_TOKENS = 3
const DEFAULT_LINE_BYTES = 1024 * 1024

/** Makes the answer. */
export function makePlan(input: PlanInput): Plan {
  const plan: Plan = {
    thinking: input.think ? words('think', THINKING_TOKENS) : [],
    tokens: [],
    toolCalls: (input.tools ?? []).map(callOf),
    doneReason: 'stop',
    promptTokens: countTokens(input.prompt)
  }
  if (plan.toolCalls.length > 0 && !input.talksWithTools) return plan
  const limit = input.numPredict ?? -1
  // 0 means no limit, as any negative number does.
  const limited = limit > 0 && !(input.mayStopEarly && limit > input.tokenCount)
  const count = Math.min(limited ? limit : input.tokenCount, input.maxTokens)
  const tokens = decorate(input.json ? jsonTokens(count) : words(input.word, count), input.faults)
  const spoken = cutAtStop(tokens, input.stop)
  return {
    ...plan,
    tokens: spoken,
    doneReason: limited && spoken.length === tokens.length ? 'length' : 'stop'
  }
}

/** A rough count: one token a word, at least one. */
export function countTokens(text: string): number {
  return Math.max(1, text.split(/\s+/).filter(word => word !== '').length)
}

function words(stem: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => (i === 0 ? `${stem}0` : ` ${stem}${i}`))
}

/** Tokens that join to a JSON object. */
function jsonTokens(count: number): string[] {
  const members = Array.from(
    { length: Math.max(0, count - 2) },
    (_, i) => `${i === 0 ? '' : ','}"tok${i}":${i}`
  )
  return ['{', ...members, '}']
}

function decorate(tokens: string[], faults: Faults): string[] {
  const [first = '', ...rest] = tokens
  if (faults.of('separators_raw', 'separators_escaped')) return [`${first}\u0085\u2028\u2029`, ...rest]
  if (faults.of('split')) return tokens.map(token => `${token} \u{1f999}`)
  const big = faults.of('big_line')
  if (big !== undefined) return [first, 'x'.repeat(big.size_bytes ?? DEFAULT_LINE_BYTES), ...rest]
  return tokens
}

function cutAtStop(tokens: string[], stop: string[]): string[] {
  const text = tokens.join('')
  const found = stop.filter(word => word !== '').map(word => text.indexOf(word))
  const end = Math.min(...found.filter(at => at !== -1), text.length)
  const kept: string[] = []
  for (let at = 0, i = 0; at < end; at += (tokens[i++] ?? '').length) {
    kept.push((tokens[i] ?? '').slice(0, end - at))
  }
  return kept
}

function callOf(tool: Tool, index: number): ToolCall {
  const { name, parameters } = tool.function
  const properties = (parameters.properties ?? {}) as Record<string, { type?: string }>
  const wanted = parameters.required ?? Object.keys(properties)
  return {
    id: `call_${sha256(name).slice(0, 8)}`,
    function: {
      index,
      name,
      arguments: Object.fromEntries(wanted.map(key => [key, sampleOf(properties[key]?.type)]))
    }
  }
}

function sampleOf(type: string | undefined): unknown {
  if (type === 'number' || type === 'integer') return 1
  if (type === 'boolean') return true
  if (type === 'array') return []
  return type === 'object' ? {} : 'tok0'
}

/** A token's log probability, made from the token. */
export function logprobOf(token: string, top: number): Logprob {
  const own = { token, logprob: -token.length / 8, bytes: [...Buffer.from(token)] }
  if (top === 0) return own
  const others = Array.from({ length: top - 1 }, (_, i) => {
    const other = `alt${i}`
    return { token: other, logprob: own.logprob - i - 1 }
  })
  return { ...own, top_logprobs: [{ token, logprob: own.logprob }, ...others] }
}

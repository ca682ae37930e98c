/**
 * Which web pages of other origins may call foreman (`cors.origins`; none unless listed), told to their browsers before
 * anybody asks for a token: a preflight carries none (https://fetch.spec.whatwg.org/#cors-protocol).
 */
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Settings } from './settings.ts'

/** Headers that scripts may read, beside the few that every browser shows them. */
const exposed = [
  'ETag',
  'Foreman-Error-Code',
  'Foreman-Estimated-Start',
  'Foreman-Job-Id',
  'Foreman-Polled-At',
  'Foreman-Queue-Position',
  'Foreman-Stale',
  'Idempotency-Replayed',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After'
]
const preflightMaxAgeS = 600

/** Lets the pages of `origins` call every route that is added after this. */
export async function addCors(app: FastifyInstance, { origins }: Settings['cors']): Promise<void> {
  if (origins.length === 0) return
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [patternOf(origins)],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: exposed,
    maxAge: preflightMaxAgeS,
    // As Ollama has it: OPTIONS is a question for this and nothing else.
    strictPreflight: false
  })
}

/** Whether the pages of an origin may call. */
export function isListedOrigin({ origins }: Settings['cors'], origin: string): boolean {
  return origins.includes('*') || patternOf(origins).test(origin)
}

/** A `*` inside an origin stands for any host or port, as in Ollama's OLLAMA_ORIGINS; never for a slash or a colon. */
function patternOf(origins: readonly string[]): RegExp {
  const parts = origins.map(origin => origin.split('*').map(escapePattern).join('[^/:@]*'))
  return new RegExp(`^(?:${parts.join('|')})$`, 'i')
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}

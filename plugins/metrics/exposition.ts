/** The series as text: in Prometheus' format 0.0.4, or as OpenMetrics 1.0.0 where that is asked for. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Registry } from 'prom-client'

/** Answers a scrape. */
export async function expose(
  registry: Registry,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<string> {
  const text = await registry.metrics()
  const wantsOpen = /\bapplication\/openmetrics-text\b/.test(request.headers.accept ?? '')
  const { OPENMETRICS_CONTENT_TYPE: open, PROMETHEUS_CONTENT_TYPE: plain } = Registry
  reply.header('content-type', wantsOpen ? open : plain).header('cache-control', 'no-store')
  return wantsOpen ? toOpenMetrics(text) : text
}

/**
 * prom-client would give counters other names from then on, so it is not asked: there a family has its name without the
 * `_total` of its samples, no line is empty, and the end is told.
 * Source: OpenMetrics 1.0.0, "Overall Structure" and "Counter".
 */
function toOpenMetrics(text: string): string {
  const counters = [...text.matchAll(/^# TYPE (\S+)_total counter$/gm)].map(([, name]) => `${name}_total`)
  const names = new Set(counters)
  const lines = text.split('\n').filter(line => line !== '')
  const renamed = lines.map(line => {
    const [, head, name, rest] = /^(# (?:HELP|TYPE)) (\S+)(.*)$/.exec(line) ?? []
    return name !== undefined && names.has(name) ? `${head} ${name.slice(0, -'_total'.length)}${rest}` : line
  })
  return `${renamed.join('\n')}\n# EOF\n`
}

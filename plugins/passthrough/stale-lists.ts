/**
 * The lists of a target that is away, as it gave them last: in its own shape, and marked, so that clients which begin with a
 * list of models can go on and hand in work. A list that nobody ever had is not made up.
 * Source of the shapes of `/v1`: ollama/ollama openai/openai.go, `ToListCompletion` and `ToModel`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { forward } from './forward.ts'
import { ReplySink } from './reply-sink.ts'

/** What stands for an answer of the target. */
interface StaleAnswer {
  readonly contentType: string
  readonly body: string
  /** When the target told it. */
  readonly at: Date
}

type Told = Pick<FastifyInstance, 'catalog' | 'loadedModels' | 'targetVersion'>
type Maker = (told: Told, request: FastifyRequest) => StaleAnswer | undefined

const native = 'application/json; charset=utf-8'
const compatible = 'application/json'

const makers: Readonly<Record<string, Maker>> = {
  // The ollama command asks this before anything else: whether the server is there that takes its calls.
  '/': ({ catalog: { answer } }) =>
    answer && { contentType: 'text/plain; charset=utf-8', body: 'Ollama is running', at: answer.at },
  '/api/tags': ({ catalog: { answer } }) => answer && answerOf(native, answer.body, answer.at),
  '/api/ps': ({ loadedModels: { answer } }) => answer && answerOf(native, answer.body, answer.at),
  '/api/version': ({ targetVersion: { current: version }, catalog: { answer } }) =>
    version === undefined || !answer ? undefined : answerOf(native, { version }, answer.at),
  '/v1/models': ({ catalog }) => {
    if (!catalog.answer) return undefined
    const data = catalog.models().map(({ name, modifiedAt }) => compatibleModel(name, modifiedAt))
    return answerOf(compatible, { object: 'list', data: data.length > 0 ? data : null }, catalog.answer.at)
  },
  '/v1/models/:model': ({ catalog }, { params }) => {
    const { model: id } = params as { model: string }
    const model = catalog.peek(id)
    return (
      catalog.answer &&
      model &&
      answerOf(compatible, compatibleModel(id, model.modifiedAt), catalog.answer.at)
    )
  }
}

/** Whether a route asks for a list that can be remembered. */
export function isList(path: string): boolean {
  return path in makers
}

/** Whether the target has a HEAD for it. Source: ollama/ollama server/routes.go, `GenerateRoutes`. */
export function hasHead(path: string): boolean {
  return ['/', '/api/tags', '/api/version'].includes(path)
}

/** Forwards a request for the list at `path`; where the target is away, or has no answer, the last list answers. */
export async function forwardOrRecall(
  app: FastifyInstance,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const last = () => makers[path]!(app, request)
  const known = app.reachability.state.status === 'down' ? last() : undefined
  // Asked all the same, a machine that sleeps would hold the caller until the connect timeout.
  if (known !== undefined) return send(new ReplySink(reply), known)
  await forward(app.target, request, reply, undefined, sink => {
    const answer = last()
    if (answer !== undefined) send(sink, answer)
    return answer !== undefined
  })
}

function answerOf(contentType: string, value: unknown, at: Date): StaleAnswer {
  const body = JSON.stringify(value)
  // As the target writes them.
  return { contentType, body: contentType === native ? body : `${body}\n`, at }
}

/** `created` is 0 where the target does not tell when. */
function compatibleModel(id: string, modifiedAt: string): object {
  const created = Math.floor(Date.parse(modifiedAt) / 1000) || 0
  const [namespace = 'library'] = id.split('/').slice(-2, -1)
  return { id, object: 'model', created, owned_by: namespace }
}

function send(sink: ReplySink, { contentType, body, at }: StaleAnswer): void {
  sink.add({ 'Foreman-Stale': 'true', 'Foreman-Polled-At': at.toISOString() })
  const bytes = Buffer.from(body)
  const headers = [
    ['Content-Type', contentType],
    ['Content-Length', String(bytes.length)]
  ] as const
  sink.head(200, headers, { pause() {}, resume() {} })
  sink.data(bytes)
  sink.end()
}

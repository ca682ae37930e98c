/** `GET /artifacts/{id}`, `…/content`, `POST …/sign` and `DELETE /artifacts/{id}`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ApiDescription } from '../../core/api-description.ts'
import { durably } from '../../core/database/open.ts'
import { MalformedJsonError, NotFoundError } from '../../core/errors.ts'
import type { Artifact } from '../../core/jobs/artifact.ts'
import { storing } from '../../core/jobs/lookup.ts'
import * as api from './api.ts'
import { type ArtifactPath, artifactObject, findArtifact, urlsOf } from './artifact-object.ts'
import { sendContent } from './content.ts'
import { ArtifactInUseError } from './errors.ts'
import {
  artifactSchema,
  type ContentQuery,
  contentQuerySchema,
  type SignBody,
  signedSchema,
  signSchema
} from './schemas.ts'
import { checkSignature, isSigned, signPath } from './signatures.ts'

type ContentRoute = ArtifactPath & { Querystring: ContentQuery }
type SignRoute = ArtifactPath & { Body: SignBody }

const config = { access: 'artifacts' } as const
const defaultTtlS = 3600
const secondMs = 1000
const bodyBytes = 64 * 1024

/** Adds the routes. */
export function addArtifactRoutes(scope: FastifyInstance): void {
  readJson(scope)
  scope.get<ArtifactPath>(
    '/artifacts/:id',
    { schema: { response: { 200: artifactSchema } }, config: { ...config, api: api.fetch } },
    async request => artifactObject(findArtifact(scope, request.params.id, request.caller))
  )
  const configOf = (audit: string, words: ApiDescription) => ({ ...config, audit, api: words })
  scope.delete<ArtifactPath>(
    '/artifacts/:id',
    { config: configOf('artifact.delete', api.remove) },
    async (request, reply) => remove(scope, request, reply)
  )
  scope.route<ContentRoute>({
    method: ['GET', 'HEAD'],
    url: '/artifacts/:id/content',
    schema: { querystring: contentQuerySchema },
    config: { ...config, api: api.content, isSelfSigned: ({ query }) => isSigned(query as ContentQuery) },
    handler: async (request, reply) =>
      sendContent(scope, findContent(scope, request), request, reply, request.query.disposition)
  })
  const schema = { body: signSchema, response: { 200: signedSchema } }
  scope.post<SignRoute>(
    '/artifacts/:id/sign',
    { schema, config: configOf('artifact.sign', api.sign), preValidation: emptyBody },
    async request => sign(scope, request)
  )
}

/** Bodies are JSON whatever they are called; none at all means nothing but defaults. */
function readJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    '*',
    { parseAs: 'string', bodyLimit: bodyBytes },
    async (_request: unknown, text: string) => {
      if (text === '') return undefined
      try {
        return JSON.parse(text)
      } catch (err) {
        throw new MalformedJsonError('syntax error', { cause: err })
      }
    }
  )
}

async function emptyBody(request: FastifyRequest): Promise<void> {
  if (request.body === undefined || request.body === null) request.body = {}
}

/** Whoever has a signed address needs nothing else. */
function findContent(
  app: FastifyInstance,
  { params, query, caller }: FastifyRequest<ContentRoute>
): Artifact {
  if (!isSigned(query)) return findArtifact(app, params.id, caller)
  checkSignature(app.secrets, urlsOf(params.id).content, query, Date.now())
  const artifact = app.jobs.artifacts.find(params.id)
  if (artifact === undefined) throw new NotFoundError()
  return artifact
}

function sign(app: FastifyInstance, { params, body, caller }: FastifyRequest<SignRoute>) {
  const { id } = findArtifact(app, params.id, caller)
  const { ttl_s = defaultTtlS, disposition } = body
  // In whole seconds, as the address has it.
  const expiresAt = (Math.floor(Date.now() / secondMs) + ttl_s) * secondMs
  const url = storing(() => signPath(app.secrets, urlsOf(id).content, expiresAt, disposition))
  return { url, expires_at: new Date(expiresAt).toISOString() }
}

function remove(
  app: FastifyInstance,
  { params, caller }: FastifyRequest<ArtifactPath>,
  reply: FastifyReply
): FastifyReply {
  const artifact = findArtifact(app, params.id, caller)
  const { artifacts } = app.jobs
  if (artifacts.isInUse(artifact)) throw new ArtifactInUseError()
  storing(() => durably(app.db, () => artifacts.remove(artifact)))
  return reply.code(204).send()
}

/** What the routes of artifacts take and give. */
import { type Static, Type } from 'typebox'

const longestSignedS = 604_800
const time = (description: string) => Type.String({ format: 'date-time', description })
const maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])

const disposition = Type.Enum(['inline', 'attachment'], {
  description: 'attachment has browsers save the bytes; inline shows them where their type is a harmless one.'
})

/** One artifact. Clients must ignore fields they do not know. */
export const artifactSchema = Type.Object(
  {
    id: Type.String(),
    name: maybe(Type.String({ description: 'What its job calls it; null for an upload.' })),
    role: Type.Enum(['input', 'output'], { description: 'input: an upload. output: made by a job.' }),
    job_id: maybe(Type.String({ description: 'The job that made it.' })),
    digest: Type.String({ description: '`sha256:` and the hash in hex.' }),
    size_bytes: Type.Integer(),
    content_type: Type.String({ description: 'As its sender said where the bytes agree.' }),
    filename: maybe(Type.String()),
    created_at: time('When it was stored.'),
    expires_at: maybe(time('When it is removed; null while a job holds it whose own end is not known.')),
    urls: Type.Object({ self: Type.String(), content: Type.String(), sign: Type.String() })
  },
  { title: 'Artifact' }
)

/** What {@link artifactSchema} describes. */
export type ArtifactObject = Static<typeof artifactSchema>

/** The artifacts of one job. */
export const artifactListSchema = Type.Object({ data: Type.Array(artifactSchema) })

/** The query of a job's artifact. */
export const namedQuerySchema = Type.Object(
  { disposition: Type.Optional(disposition) },
  { additionalProperties: false }
)

/** What {@link namedQuerySchema} describes. */
export type NamedQuery = Static<typeof namedQuerySchema>

/** The query of an artifact's content; all but `disposition` belongs to a signed address. */
export const contentQuerySchema = Type.Object(
  {
    disposition: Type.Optional(disposition),
    exp: Type.Optional(Type.String({ maxLength: 20, description: 'Seconds since 1970.' })),
    kid: Type.Optional(Type.String({ maxLength: 20 })),
    sig: Type.Optional(Type.String({ maxLength: 100 }))
  },
  { additionalProperties: false }
)

/** What {@link contentQuerySchema} describes. */
export type ContentQuery = Static<typeof contentQuerySchema>

/** The body of `POST /artifacts/{id}/sign`. */
export const signSchema = Type.Object(
  {
    ttl_s: Type.Optional(
      Type.Integer({ minimum: 1, maximum: longestSignedS, description: 'Defaults to 3600; a week at most.' })
    ),
    disposition: Type.Optional(disposition)
  },
  { additionalProperties: false }
)

/** What {@link signSchema} describes. */
export type SignBody = Static<typeof signSchema>

/** A signed address. */
export const signedSchema = Type.Object({ url: Type.String(), expires_at: time('It works until then.') })

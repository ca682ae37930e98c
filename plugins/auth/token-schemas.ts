/** What the routes of tokens answer with. */
import { Type } from 'typebox'
import { scopes } from '../../core/access/scopes.ts'
import { limitsSchema } from './token-limits.ts'

const maybeTime = (description: string) =>
  Type.Union([Type.String({ format: 'date-time', description }), Type.Null()])
const maybe = (description: string) => Type.Union([Type.String({ description }), Type.Null()])

const given = {
  owner: Type.String({ description: 'What one token of a line of rotations made belongs to all of it.' }),
  scopes: Type.Array(Type.Enum([...scopes])),
  limits: limitsSchema,
  expires_at: maybeTime('It is not good any more from then on.')
}

/** A token without its secret. Clients must ignore fields they do not know. */
export const tokenSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String({ description: 'For people.' }),
    kind: Type.Enum(['secret', 'key'], { description: 'key: a key of the ollama command stands for it.' }),
    ...given,
    created_at: Type.String({ format: 'date-time' }),
    revoked_at: maybeTime('When it was revoked.'),
    last_used_at: maybeTime('Of lately: not every use is written down.'),
    replaced_by: maybe('The token that took its place.')
  },
  { title: 'Token' }
)

/** The same with its secret, which is told this once. */
export const issuedSchema = Type.Object({
  ...tokenSchema.properties,
  token: Type.String({ description: 'The token itself: told this once.' })
})

/** What is known of the caller. */
export const whoamiSchema = Type.Object({
  id: maybe('Of the token.'),
  name: maybe('Of the token.'),
  ...given
})

/** All tokens. */
export const tokenListSchema = Type.Object({ data: Type.Array(tokenSchema) })

/** How callers show who they are, and what each operation asks of them. */
import type { RouteOptions } from 'fastify'
import type { Access } from '../../core/access/access.ts'

const inQuery = (name: string, description: string) => ({ type: 'apiKey', in: 'query', name, description })

const schemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of `POST /tokens` or `foreman token create`.'
  },
  api_key: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The same token.' },
  ticket: inQuery('ticket', 'Of `POST /stream-tickets`, in place of a token.'),
  signature: inQuery('sig', 'A signed address has it, beside `exp` and `kid`.')
}

/** None of them means anything while callers are not told apart. */
export function securitySchemes({ guarded }: Access): Record<string, object> {
  return guarded ? schemes : {}
}

/** One of these is enough. The scope that is needed stands with the tokens. */
export function securityOf({ config }: RouteOptions, { guarded }: Access): object[] {
  const { access = 'admin', ticket, isSelfSigned } = config ?? {}
  if (!guarded || access === 'open') return []
  const needed = access === 'known' ? [] : [access]
  return [
    { bearer: needed },
    { api_key: needed },
    ...(ticket === undefined ? [] : [{ ticket: [] }]),
    ...(isSelfSigned === undefined ? [] : [{ signature: [] }])
  ]
}

/** The same in a sentence. */
export function needOf({ config }: RouteOptions, { guarded }: Access): string | undefined {
  const { access = 'admin' } = config ?? {}
  if (access === 'open') return 'Open to everybody.'
  if (!guarded) return undefined
  return access === 'known' ? 'Needs a token, of any scope.' : `Needs the scope \`${access}\`.`
}

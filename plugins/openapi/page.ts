/**
 * `GET /docs`: the description as a page. Swagger UI draws it, from files of its package; nothing of it comes from another
 * host, and its policy lets nothing else in. The files are read when they are asked for, and not kept.
 */
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ApiDescription } from '../../core/api-description.ts'

const filesDir = join(fileURLToPath(import.meta.resolve('@fastify/swagger-ui')), '..', 'static')

/** Of the files of Swagger UI those that the page loads, and their types. */
const files = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png'
}

// Addresses are relative: foreman may stand below a path of a proxy's.
const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>foreman: HTTP API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/page.js"></script>
</body>
</html>
`

const script = `SwaggerUIBundle({
  dom_id: '#page',
  url: 'openapi.json',
  deepLinking: true,
  docExpansion: 'none',
  validatorUrl: null
})
`

const headers = {
  'content-security-policy': [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache'
}

const api: ApiDescription = {
  operationId: 'get_docs',
  summary: 'This description as a page',
  tag: 'reference',
  answers: { 200: { means: 'The page.', bodies: { 'text/html': { schema: Type.String() } } } }
}

/** Adds the page and its files. They are the same for everybody, so they are open. */
export function addPage(app: FastifyInstance): void {
  const asset = { schema: { hide: true }, config: { access: 'open' } } as const
  app.get('/docs', { config: { access: 'open', api } }, async (_request, reply) =>
    reply.headers(headers).type('text/html; charset=utf-8').send(html)
  )
  app.get('/docs/page.js', asset, async (_request, reply) =>
    reply.headers(headers).type('text/javascript; charset=utf-8').send(script)
  )
  for (const [name, type] of Object.entries(files)) {
    app.get(`/docs/${name}`, asset, async (_request, reply) =>
      reply
        .headers(headers)
        .type(type)
        .send(createReadStream(join(filesDir, name)))
    )
  }
}

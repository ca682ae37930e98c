/**
 * The audit log: who changed what, and who was turned away. A route says in its `config.audit` what it is called there;
 * rows are only ever added, and go when their time is over. No row has anything of a body, a query or a secret.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** One thing that was done, or tried. */
export interface AuditEntry {
  /** Id of a token, or `command` for who works on the machine itself; undefined where nobody was known. */
  readonly actor?: string
  /** Network address of the client. */
  readonly address?: string
  readonly requestId?: string
  /** `job.cancel`, `token.create`, `auth.denied`, … */
  readonly action: string
  /** Id of what it was done to. */
  readonly object?: string
  /** `ok`, or the code of the error. */
  readonly result: string
}

/** An entry as it is kept. */
export interface AuditRow extends AuditEntry {
  readonly seq: number
  /** Ms since 1970. */
  readonly at: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What using this route is called in the audit log; left out where it changes nothing. */
    readonly audit?: string
  }
  interface FastifyRequest {
    /** Id of what the request is about, where its path does not tell. */
    auditObject?: string
  }
  interface FastifyInstance {
    readonly audit: AuditLog
  }
}

/** Writes entries and gives them back. */
export class AuditLog {
  readonly #log: FastifyBaseLogger | undefined
  readonly #insert: Statement
  readonly #page: Statement

  constructor(db: Database, log?: FastifyBaseLogger) {
    this.#log = log
    this.#insert = db.prepare(
      'INSERT INTO audit (at, actor, address, request_id, action, object, result) VALUES (?, ?, ?, ?, ?, ?, ?)'
    )
    this.#page = db.prepare(
      `SELECT seq, at, actor, address, request_id AS requestId, action, object, result FROM audit
       WHERE seq < ? ORDER BY seq DESC LIMIT ?`
    )
  }

  /** Adds an entry, in the log of the process as well. A disk that is full keeps it out of the table alone. */
  write(entry: AuditEntry): void {
    const { actor, address, requestId, action, object, result } = entry
    this.#log?.info({ audit: entry }, 'audit')
    try {
      this.#insert.run(Date.now(), ...[actor, address, requestId].map(orNull), action, orNull(object), result)
    } catch (err) {
      this.#log?.error({ err }, 'an audit entry could not be kept')
    }
  }

  /** The newest `limit` entries before `seq`, the newest first. */
  before(seq: number, limit: number): AuditRow[] {
    return this.#page.all(seq, limit) as AuditRow[]
  }
}

/** Writes down what the audited routes of the app were used for, however that ended. */
export function addAudit(app: FastifyInstance, audit: AuditLog): void {
  app.decorate('audit', audit)
  app.decorateRequest('auditObject')
  app.addHook('onRoute', route => {
    const action = route.config?.audit
    if (action === undefined) return
    const hooks = route.onResponse === undefined ? [] : [route.onResponse].flat()
    route.onResponse = [...hooks, async (request, reply) => writeUse(audit, action, request, reply)]
  })
}

function writeUse(audit: AuditLog, action: string, request: FastifyRequest, reply: FastifyReply): void {
  // Who was turned away is told by the one who did it.
  if (request.caller === undefined) return
  audit.write({ ...actorOf(request), action, object: objectOf(request), result: resultOf(reply) })
}

/** Who makes a request, and from where. */
export function actorOf({
  caller,
  ip,
  id
}: FastifyRequest): Pick<AuditEntry, 'actor' | 'address' | 'requestId'> {
  return { actor: caller?.tokenId ?? caller?.owner, address: ip, requestId: id }
}

function objectOf({ auditObject, params }: FastifyRequest): string | undefined {
  return auditObject ?? (params as { id?: string } | undefined)?.id
}

function resultOf(reply: FastifyReply): string {
  if (reply.statusCode < 400) return 'ok'
  return String(reply.getHeader('foreman-error-code') ?? reply.statusCode)
}

function orNull(text: string | undefined): string | null {
  return text ?? null
}

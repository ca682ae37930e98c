-- Who may call, and what was done in whose name.

-- `owner` is the id of the first token of a line of rotations: what one of them made belongs to all. A token is known by
-- the digest of its secret, or, where it is a key of the ollama CLI, by its public half (base64). `scopes` is a JSON list,
-- `limits` a JSON object. Times are ms since 1970.
CREATE TABLE token (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  digest BLOB,
  public_key TEXT,
  scopes TEXT NOT NULL,
  limits TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER,
  replaced_by TEXT REFERENCES token (id),
  CHECK ((digest IS NULL) <> (public_key IS NULL))
) STRICT;
CREATE UNIQUE INDEX token_public_key ON token (public_key) WHERE revoked_at IS NULL AND public_key IS NOT NULL;

-- Rows are added and, when their time is over, removed; never changed.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT,
  address TEXT,
  request_id TEXT,
  action TEXT NOT NULL,
  object TEXT,
  result TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE TRIGGER audit_stays_as_it_is BEFORE UPDATE ON audit BEGIN
  SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;

-- With the owner at their end these two tell what waits of each without a look at the rows.
DROP INDEX job_heads;
CREATE INDEX job_heads ON job (lane, runner, priority, due_at, seq, owner) WHERE ready = 1;
DROP INDEX job_delayed_runner;
CREATE INDEX job_delayed_runner ON job (runner, priority, owner) WHERE state = 'queued' AND ready = 0;

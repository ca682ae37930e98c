-- Jobs without a connection: what is kept of them beside the row of a job.

-- Words of the caller's own.
CREATE TABLE job_metadata (
  job_seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (job_seq, key)
) STRICT, WITHOUT ROWID;

-- The ended job that a job does again. That one may have been removed since.
CREATE TABLE job_retry (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  retry_of TEXT NOT NULL
) STRICT;

-- What the last answer took by the target's own numbers. `estimated`: it broke off before it gave any.
CREATE TABLE job_usage (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  input_tokens INTEGER,
  output_tokens INTEGER,
  estimated INTEGER NOT NULL,
  prompt_eval_ms REAL,
  generation_ms REAL
) STRICT;

-- Which job a caller's own key made. `fingerprint` tells whether the key comes back with the same body.
CREATE TABLE idempotency_key (
  owner TEXT NOT NULL,
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  job_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  forget_at INTEGER,
  PRIMARY KEY (owner, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_key_job ON idempotency_key (job_id);
CREATE INDEX idempotency_key_forget ON idempotency_key (forget_at) WHERE forget_at IS NOT NULL;

-- A key lives a day and at least as long as its job, however that is removed.
CREATE TRIGGER idempotency_key_outlives AFTER DELETE ON job BEGIN
  UPDATE idempotency_key SET forget_at = created_at + 24 * 3600 * 1000 WHERE job_id = OLD.id;
END;

-- `paused`, `draining`: a row while it is on.
CREATE TABLE queue_switch (
  name TEXT PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that foreman makes for itself, each at its first use.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Times are milliseconds since 1970 in UTC; booleans are 0 or 1.

-- One row a job. `seq` is arrival order. `ready` is 1 while the job is queued and `available_at` has passed.
CREATE TABLE job (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  lane TEXT NOT NULL,
  kind TEXT NOT NULL,
  model TEXT NOT NULL,
  runner TEXT NOT NULL,
  priority TEXT NOT NULL,
  attached INTEGER NOT NULL,
  state TEXT NOT NULL,
  previous_state TEXT,
  version INTEGER NOT NULL,
  event_seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  ready INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  available_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  start_by INTEGER,
  run_timeout_ms INTEGER NOT NULL,
  retention_ms INTEGER NOT NULL,
  started_at INTEGER,
  first_token_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  error TEXT
) STRICT;

-- The schedule reads the first entry of each (runner, priority); its cost does not grow with the queue.
CREATE INDEX job_heads ON job (lane, runner, priority, due_at, seq) WHERE ready = 1;
CREATE INDEX job_delayed ON job (available_at) WHERE state = 'queued' AND ready = 0;
CREATE INDEX job_start_by ON job (start_by) WHERE state = 'queued' AND start_by IS NOT NULL;
CREATE INDEX job_running ON job (state) WHERE state IN ('loading', 'working', 'canceling');
CREATE INDEX job_attached ON job (seq) WHERE state = 'queued' AND attached = 1;
CREATE INDEX job_expires ON job (expires_at) WHERE expires_at IS NOT NULL;

-- What to send to the target. Jobs whose caller holds the connection have no row here.
CREATE TABLE job_request (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  path TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- What the target answered, assembled into the native shape of a call that does not stream.
CREATE TABLE job_result (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  body BLOB NOT NULL
) STRICT;

-- The story of every job: `seq` counts from 1 without a gap.
CREATE TABLE event (
  job_seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (job_seq, seq)
) STRICT, WITHOUT ROWID;

-- What is left of a removed job, so that its id answers 410 and not 404.
CREATE TABLE tombstone (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  finished_at INTEGER NOT NULL,
  removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_removed ON tombstone (removed_at);

-- Every swap that was tried, with what it took: load times are learned from it.
CREATE TABLE swap (
  seq INTEGER PRIMARY KEY,
  runner TEXT NOT NULL,
  evicted TEXT,
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  loaded INTEGER NOT NULL
) STRICT;
CREATE INDEX swap_runner ON swap (runner, seq);

-- What foreman loaded into each slot of the target and did not unload.
CREATE TABLE resident (
  slot TEXT PRIMARY KEY,
  runner TEXT NOT NULL,
  model TEXT NOT NULL,
  digest TEXT NOT NULL,
  loaded_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

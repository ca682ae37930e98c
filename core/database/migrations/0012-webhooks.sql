-- Webhooks: who is told of what, and how that went.

-- The URL that a job names for its own events. `events` is a JSON array of types and patterns; `secret` is sealed, and the
-- owner's is used without one.
CREATE TABLE job_webhook (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  secret BLOB
) STRICT;

-- Jobs that somebody still has to be told of: they are kept beyond their retention.
CREATE TABLE job_hold (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE
) STRICT;

-- Standing endpoints. `sees_all`: of the jobs of every owner. What is sealed is BLOB.
CREATE TABLE webhook_endpoint (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  sees_all INTEGER NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  payload TEXT NOT NULL,
  format TEXT NOT NULL,
  signing TEXT NOT NULL,
  headers BLOB NOT NULL,
  description TEXT NOT NULL,
  secret BLOB NOT NULL,
  previous_secret BLOB,
  previous_until INTEGER,
  created_at INTEGER NOT NULL,
  disabled_at INTEGER,
  disabled_reason TEXT
) STRICT;
CREATE INDEX webhook_endpoint_owner ON webhook_endpoint (owner);

-- What an owner's own jobs are signed with where they bring no secret.
CREATE TABLE webhook_secret (
  owner TEXT PRIMARY KEY,
  secret BLOB NOT NULL,
  previous_secret BLOB,
  previous_until INTEGER
) STRICT, WITHOUT ROWID;

-- Who answers: an endpoint, or the host of URLs that jobs of an owner name. `failures` counts those in a row, since
-- `failing_since`; nothing is sent before `not_before`. `due_at` is when something is to be done: NULL while nothing is.
CREATE TABLE webhook_receiver (
  seq INTEGER PRIMARY KEY,
  endpoint_seq INTEGER UNIQUE REFERENCES webhook_endpoint (seq) ON DELETE SET NULL,
  owner TEXT NOT NULL,
  host TEXT,
  due_at INTEGER,
  not_before INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER
) STRICT;
CREATE UNIQUE INDEX webhook_receiver_host ON webhook_receiver (owner, host) WHERE host IS NOT NULL;
CREATE INDEX webhook_receiver_due ON webhook_receiver (due_at) WHERE due_at IS NOT NULL;

-- An event as it is told, whoever it is told to.
CREATE TABLE webhook_message (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  job_seq INTEGER REFERENCES job (seq) ON DELETE CASCADE,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_message_job ON webhook_message (job_seq) WHERE job_seq IS NOT NULL;
CREATE INDEX webhook_message_created ON webhook_message (created_at);

-- One message on its way to one receiver. Those of a job to a receiver go in the order of `seq`. `due_at` is NULL while
-- an earlier one comes first, and once it is over. `tries` counts since it was last begun, `attempts` over all time.
CREATE TABLE webhook_delivery (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  receiver_seq INTEGER NOT NULL REFERENCES webhook_receiver (seq),
  endpoint_id TEXT,
  message_seq INTEGER,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  job_id TEXT,
  job_seq INTEGER,
  is_end INTEGER NOT NULL,
  once INTEGER NOT NULL,
  url TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER,
  happened_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  settled_at INTEGER
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (receiver_seq, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_open ON webhook_delivery (receiver_seq, job_seq, seq) WHERE state IN ('pending', 'retrying');
CREATE INDEX webhook_delivery_oldest ON webhook_delivery (created_at) WHERE state IN ('pending', 'retrying');
CREATE INDEX webhook_delivery_message ON webhook_delivery (message_seq) WHERE message_seq IS NOT NULL;
CREATE INDEX webhook_delivery_owner ON webhook_delivery (owner, seq);
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (endpoint_id, seq) WHERE endpoint_id IS NOT NULL;
CREATE INDEX webhook_delivery_job ON webhook_delivery (job_id, seq) WHERE job_id IS NOT NULL;
CREATE INDEX webhook_delivery_state ON webhook_delivery (state, seq);
CREATE INDEX webhook_delivery_held ON webhook_delivery (created_at) WHERE state = 'held';
CREATE INDEX webhook_delivery_settled ON webhook_delivery (settled_at) WHERE settled_at IS NOT NULL;

-- What came of each attempt, with the first 4 KiB of what was answered.
CREATE TABLE webhook_attempt (
  delivery_seq INTEGER NOT NULL REFERENCES webhook_delivery (seq) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER,
  location TEXT,
  address TEXT,
  error TEXT,
  response BLOB,
  PRIMARY KEY (delivery_seq, n)
) STRICT;

-- What was said goes with its job, and what was answered to it. Whatever was to be sent of it has nothing to wait for: it is
-- found out when its turn comes. The number of the job may be another one's from then on.
CREATE TRIGGER webhook_message_removed BEFORE DELETE ON webhook_message BEGIN
  UPDATE webhook_attempt SET response = NULL
    WHERE delivery_seq IN (SELECT seq FROM webhook_delivery WHERE message_seq = OLD.seq);
  UPDATE webhook_delivery SET message_seq = NULL, job_seq = NULL,
    due_at = CASE WHEN state IN ('pending', 'retrying') THEN coalesce(due_at, created_at) END
    WHERE message_seq = OLD.seq;
END;

-- How many are open, kept beside them: to count a hundred thousand takes too long.
CREATE TABLE webhook_total (open INTEGER NOT NULL) STRICT;
INSERT INTO webhook_total VALUES (0);
CREATE TRIGGER webhook_delivery_added AFTER INSERT ON webhook_delivery WHEN NEW.state IN ('pending', 'retrying') BEGIN
  UPDATE webhook_total SET open = open + 1;
END;
CREATE TRIGGER webhook_delivery_moved AFTER UPDATE OF state ON webhook_delivery
WHEN (NEW.state IN ('pending', 'retrying')) <> (OLD.state IN ('pending', 'retrying')) BEGIN
  UPDATE webhook_total SET open = open + CASE WHEN NEW.state IN ('pending', 'retrying') THEN 1 ELSE -1 END;
END;
CREATE TRIGGER webhook_delivery_gone AFTER DELETE ON webhook_delivery WHEN OLD.state IN ('pending', 'retrying') BEGIN
  UPDATE webhook_total SET open = open - 1;
END;

-- The place in the log of events up to which messages were made.
CREATE TABLE webhook_place (n INTEGER NOT NULL) STRICT;
INSERT INTO webhook_place
  SELECT max(coalesce((SELECT max(n) FROM event), 0), coalesce((SELECT max(n) FROM output), 0));

-- Streams that outlive their sockets: the place of each event among all, the text of answers as it came, and the bytes
-- of those that a caller may come back for.

-- Grows in the order of the commits; events of before this have none.
ALTER TABLE event ADD COLUMN n INTEGER;
CREATE UNIQUE INDEX event_n ON event (n) WHERE n IS NOT NULL;

-- One row a start of foreman: the first place that it gives, and a name that no other start has. Followers know a place by
-- both, so that one from a time that was lost with a store is not taken for another.
CREATE TABLE epoch (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  first_n INTEGER NOT NULL
) STRICT;

-- Pieces of the text of an answer: events like the others, with the same `seq`, kept apart since they are many. `item`
-- counts tool calls; `start` is in code points, of the text of the channel and item. A piece that was folded up stands
-- for those from `first_seq` on; `snapshot` marks the first one of a text.
CREATE TABLE output (
  n INTEGER PRIMARY KEY,
  job_seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  channel TEXT NOT NULL,
  item INTEGER NOT NULL,
  start INTEGER NOT NULL,
  text TEXT NOT NULL,
  snapshot INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX output_seq ON output (job_seq, seq);

-- Ended jobs whose pieces are still to be folded up, and from when on.
CREATE TABLE output_unfolded (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  fold_at INTEGER NOT NULL
) STRICT;
CREATE INDEX output_unfolded_at ON output_unfolded (fold_at);

-- The answer to a call that goes on without its caller, byte for byte: its head, and the bytes from `start` on. It is
-- complete when the target ended it in order, whatever it said.
CREATE TABLE kept_answer (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  status INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  complete INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE kept_bytes (
  job_seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
  start INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (job_seq, start)
) STRICT;

-- The last place of what was removed: whoever was before it has missed something.
ALTER TABLE tombstone ADD COLUMN last_n INTEGER;
CREATE INDEX tombstone_last_n ON tombstone (last_n) WHERE last_n IS NOT NULL;
CREATE INDEX tombstone_owner_last_n ON tombstone (owner, last_n) WHERE last_n IS NOT NULL;

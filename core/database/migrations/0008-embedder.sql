-- What became of the embedding model that is kept loaded beside the others: to be read, since each start finds out anew.

CREATE TABLE embedder (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  since INTEGER NOT NULL,
  model TEXT,
  runner TEXT
) STRICT;

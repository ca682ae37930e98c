-- What the target told of itself last, so that a start while it is away knows its models. `body` is JSON. `tags`: its
-- answer to GET /api/tags as it was; `shown`: what its models are made of, by digest; `version`: its version.
CREATE TABLE inventory (
  part TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  told_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The high-water marks of `num_ctx`, one row for each weights (as runners' keys begin): the largest that was asked for
-- and loaded, 0 where none was, and what the target takes where nobody says, once it has been seen.
CREATE TABLE context_mark (
  weights TEXT PRIMARY KEY,
  asked INTEGER NOT NULL,
  automatic INTEGER
) STRICT, WITHOUT ROWID;

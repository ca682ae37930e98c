-- Secrets are sealed with the key of a file beside the database (AES-256-GCM; the name is bound to it). Those in clear are
-- thrown away: they are made anew, and what they had signed is signed anew.
DROP TABLE secret;
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  nonce BLOB NOT NULL,
  sealed BLOB NOT NULL,
  tag BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Artifacts: what jobs left behind to be fetched, and what callers handed in for jobs to use.

-- `job_seq` is the job that made it; none for an upload. `body` holds the bytes; without it they are in the blob of the
-- digest, the SHA-256 in hex. `uses` counts the jobs that refer to an upload: it outlives `expires_at` while any does.
CREATE TABLE artifact (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  job_seq INTEGER REFERENCES job (seq) ON DELETE CASCADE,
  name TEXT,
  content_type TEXT NOT NULL,
  filename TEXT,
  size_bytes INTEGER NOT NULL,
  digest TEXT NOT NULL,
  uses INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  body BLOB
) STRICT;
CREATE UNIQUE INDEX artifact_output ON artifact (job_seq, name) WHERE job_seq IS NOT NULL;
CREATE UNIQUE INDEX artifact_upload ON artifact (owner, digest) WHERE job_seq IS NULL;
CREATE INDEX artifact_upload_size ON artifact (owner, size_bytes, job_seq) WHERE job_seq IS NULL;
CREATE INDEX artifact_unused ON artifact (expires_at) WHERE job_seq IS NULL AND uses = 0;
CREATE INDEX artifact_blob ON artifact (digest) WHERE body IS NULL;

-- Which uploads the request of a job refers to.
CREATE TABLE artifact_use (
  job_seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
  artifact_seq INTEGER NOT NULL REFERENCES artifact (seq) ON DELETE CASCADE,
  PRIMARY KEY (job_seq, artifact_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_use_artifact ON artifact_use (artifact_seq);

CREATE TRIGGER artifact_used AFTER INSERT ON artifact_use BEGIN
  UPDATE artifact SET uses = uses + 1 WHERE seq = NEW.artifact_seq;
END;
CREATE TRIGGER artifact_released AFTER DELETE ON artifact_use BEGIN
  UPDATE artifact SET uses = uses - 1 WHERE seq = OLD.artifact_seq;
END;

-- The answer of a job becomes its artifact `completion`. Each had one at most, so the id of the job makes the other.
INSERT INTO artifact (id, owner, job_seq, name, content_type, size_bytes, digest, created_at, body)
  SELECT 'art_' || substr(job.id, 5), owner, seq, 'completion', 'application/json', length(body), sha256(body),
    coalesce(finished_at, job.created_at), body FROM job_result JOIN job ON job.seq = job_seq;
DROP TABLE job_result;

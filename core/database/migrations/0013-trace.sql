-- The trace that a job belongs to, by the header `traceparent` of the request that handed it in: a row where there was one.
CREATE TABLE job_trace (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  traceparent TEXT NOT NULL
) STRICT;

-- What the worker did, what kept it from working, and what was foretold: waits, loads and estimates are told from it.

-- Each attempt on the target, from the begin of the work to its end, the load not included. It outlives its job, whose
-- `seq` another job may have got since.
CREATE TABLE run (
  seq INTEGER PRIMARY KEY,
  job_seq INTEGER NOT NULL,
  lane TEXT NOT NULL,
  runner TEXT NOT NULL,
  model TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  began_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  prefill_ms REAL,
  generation_ms REAL
) STRICT;
CREATE INDEX run_ended ON run (ended_at);

-- The name that the runner was asked for by.
ALTER TABLE swap ADD COLUMN model TEXT;

-- Times in which nothing was started: `paused`, `target_down`, `foreman_down`. `ended_at` is null while one lasts.
CREATE TABLE stoppage (
  seq INTEGER PRIMARY KEY,
  cause TEXT NOT NULL,
  began_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE INDEX stoppage_began ON stoppage (began_at);

-- One row. Nothing is recorded from before `since`; foreman was alive at `alive_at`.
CREATE TABLE chronicle (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  since INTEGER NOT NULL,
  alive_at INTEGER NOT NULL
) STRICT;
INSERT INTO chronicle SELECT 1, now, now FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now);

-- Loads of one hour (`hour` × 3 600 000 ms since 1970): those that happened, and those of plain arrival order.
CREATE TABLE swap_hour (
  hour INTEGER NOT NULL,
  runner TEXT NOT NULL,
  loads INTEGER NOT NULL,
  load_ms INTEGER NOT NULL,
  arrival_loads INTEGER NOT NULL,
  PRIMARY KEY (hour, runner)
) STRICT, WITHOUT ROWID;

-- One row: the hours that have been summed up since it is counted, and how far arrivals were counted.
CREATE TABLE swap_total (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  since INTEGER NOT NULL,
  loads INTEGER NOT NULL,
  load_ms INTEGER NOT NULL,
  arrival_loads INTEGER NOT NULL,
  arrival_load_ms REAL NOT NULL,
  counted_seq INTEGER NOT NULL,
  counted_runner TEXT
) STRICT;
INSERT INTO swap_total SELECT 1, (SELECT since FROM chronicle), 0, 0, 0, 0, coalesce(max(seq), 0),
  (SELECT runner FROM job WHERE lane = 'worker' ORDER BY seq DESC LIMIT 1) FROM job;

-- The `seq` of the newest job is given again when it is removed: the next arrival must count.
CREATE TRIGGER swap_total_follows AFTER DELETE ON job BEGIN
  UPDATE swap_total SET counted_seq = (SELECT coalesce(max(seq), 0) FROM job)
    WHERE counted_seq > (SELECT coalesce(max(seq), 0) FROM job);
END;

-- What was foretold of the first start of a durable job when it came in, counted from `from_at`, and how long that
-- took. `basis` tells which jobs it is compared with.
CREATE TABLE start_estimate (
  job_seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
  basis TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  expected_ms INTEGER NOT NULL,
  p90_ms INTEGER NOT NULL,
  waited_ms INTEGER
) STRICT;
CREATE INDEX start_estimate_met ON start_estimate (job_seq) WHERE waited_ms IS NOT NULL;

-- How many of the jobs that started in an hour did so within what was foretold.
CREATE TABLE eta_hour (
  hour INTEGER PRIMARY KEY,
  jobs INTEGER NOT NULL,
  within_p90 INTEGER NOT NULL
) STRICT;

-- How many jobs wait for a retry or their `not_before`, for each runner and class.
CREATE INDEX job_delayed_runner ON job (runner, priority) WHERE state = 'queued' AND ready = 0;

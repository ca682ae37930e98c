-- How many artifacts there are and how large they are together, so that nobody has to read them all to know.

CREATE TABLE artifact_total (
  artifacts INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL
) STRICT;
INSERT INTO artifact_total SELECT count(*), coalesce(sum(size_bytes), 0) FROM artifact;

CREATE TRIGGER artifact_counted AFTER INSERT ON artifact BEGIN
  UPDATE artifact_total SET artifacts = artifacts + 1, stored_bytes = stored_bytes + NEW.size_bytes;
END;
CREATE TRIGGER artifact_uncounted AFTER DELETE ON artifact BEGIN
  UPDATE artifact_total SET artifacts = artifacts - 1, stored_bytes = stored_bytes - OLD.size_bytes;
END;
